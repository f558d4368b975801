import { suite, test } from 'node:test';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { killPoints, runKillPoint } from '../support/kill-points.ts';
import { consumerTimeout, crashLoop, frozenRunner, skewedClocks } from '../support/runner-trouble.ts';

suite('a runner in every trouble, by the ledger', { concurrency: 8 }, () => {
  for (const version of rabbitVersions) {
    for (const point of killPoints) test(`killed (-9) ${point.name}, RabbitMQ ${version}`, (t) => runKillPoint(t, version, point));
    for (const phase of ['in the middle of an answer', 'after the effect of an output, before its answer'] as const)
      for (const copy of ['sent again by its sender', 'delivered again by the broker'] as const)
        test(`frozen past its lease ${phase}, the event ${copy}, RabbitMQ ${version}`, (t) => frozenRunner(t, version, phase, copy));
    test(`with a clock that is wrong, RabbitMQ ${version}`, (t) => skewedClocks(t, version));
    test(`an event that ends its process each time, RabbitMQ ${version}`, (t) => crashLoop(t, version));
    test(`a run past the consumer timeout, RabbitMQ ${version}`, (t) => consumerTimeout(t, version));
  }
});
