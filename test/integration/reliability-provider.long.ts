import { suite, test } from 'node:test';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { providerTroubles, runProviderTroubles } from '../support/provider-trouble.ts';

suite('a provider in every trouble, by the ledger', { concurrency: true }, () => {
  for (const version of rabbitVersions) test(`RabbitMQ ${version}`, (t) => runProviderTroubles(t, version, providerTroubles('all')));
});
