import { suite, test } from 'node:test';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { runBrokerTroubles } from '../support/broker-scene.ts';
import { brokerTroubles } from '../support/broker-trouble.ts';

suite('a broker in every trouble, by the ledger', { concurrency: true }, () => {
  for (const version of rabbitVersions) test(`RabbitMQ ${version}`, (t) => runBrokerTroubles(t, version, brokerTroubles));
});
