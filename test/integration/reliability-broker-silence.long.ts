import { suite, test } from 'node:test';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { runBrokerTroubles } from '../support/broker-scene.ts';
import { brokerSilences } from '../support/broker-silence.ts';

suite('a broker that falls silent, by the ledger', { concurrency: true }, () => {
  for (const version of rabbitVersions) test(`RabbitMQ ${version}`, (t) => runBrokerTroubles(t, version, brokerSilences));
});
