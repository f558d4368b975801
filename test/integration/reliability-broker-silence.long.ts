import { suite, test } from 'node:test';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { brokerSilences, runBrokerTroubles } from '../support/broker-trouble.ts';

suite('a broker that falls silent, by the ledger', { concurrency: true }, () => {
  for (const version of rabbitVersions) test(`RabbitMQ ${version}`, (t) => runBrokerTroubles(t, version, brokerSilences));
});
