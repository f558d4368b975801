import { suite, test } from 'node:test';
import { type RabbitVersion, rabbitVersions } from '../parts/rabbitmq.ts';
import { killPoints, runKillPoint } from '../support/kill-points.ts';
import { frozenRunner, retryTiers, skewedClocks } from '../support/runner-trouble.ts';

// Each on one version here; `reliability-runner.long.ts` has each on all of them. All at once: most of the time passes in leases and waits.
suite('a runner in trouble, by the ledger', { concurrency: true }, () => {
  for (const [index, point] of killPoints.filter(({ byDev }) => !byDev).entries()) {
    const version: RabbitVersion = rabbitVersions[index % rabbitVersions.length] ?? '4.3';
    test(`killed (-9) ${point.name}, RabbitMQ ${version}`, (t) => runKillPoint(t, version, point));
  }
  test('frozen past its lease in the middle of an answer, RabbitMQ 3.10', (t) =>
    frozenRunner(t, '3.10', 'in the middle of an answer', 'sent again by its sender'));
  test('frozen past its lease after the effect of an output, RabbitMQ 4.3', (t) =>
    frozenRunner(t, '4.3', 'after the effect of an output, before its answer', 'sent again by its sender'));
  test('with a clock that is wrong, RabbitMQ 4.0', (t) => skewedClocks(t, '4.0'));
  for (const version of rabbitVersions) test(`tiers and forged counters, RabbitMQ ${version}`, (t) => retryTiers(t, version));
});
