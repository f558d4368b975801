import { suite, test } from 'node:test';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { providerTroubles, runProviderTroubles } from '../support/provider-trouble.ts';

// What takes minutes, stalls and pauses of the breaker, is in `reliability-provider.long.ts`.
suite('a provider in trouble, by the ledger', { concurrency: true }, () => {
  for (const version of rabbitVersions) test(`RabbitMQ ${version}`, (t) => runProviderTroubles(t, version, providerTroubles('quick')));
});
