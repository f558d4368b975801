import { suite, test } from 'node:test';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { runBrokerTroubles } from '../support/broker-scene.ts';
import { brokerTroubles } from '../support/broker-trouble.ts';

// Each trouble on one version here; `reliability-broker.long.ts` has each on all of them.
suite('a broker in trouble, by the ledger', { concurrency: true }, () => {
  for (const [index, version] of rabbitVersions.entries())
    test(`RabbitMQ ${version}`, (t) =>
      runBrokerTroubles(
        t,
        version,
        brokerTroubles.filter((_, number) => number % rabbitVersions.length === index),
      ));
});
