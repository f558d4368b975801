import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import { onPodsStage } from '../support/pods-stage.ts';

suite('a process that is told to stop', { concurrency: 2 }, () => {
  test('gateway: goes on serving, not ready any more, for its time; then it ends with 0', (t) =>
    onPodsStage(t, '4.3', async ({ start, look }) => {
      const gateway = await start('gateway', {}, { EVENTAGENT_PRESTOP_SECONDS: '15' });
      await gateway.untilReady();
      const startedAt = performance.now();
      gateway.signal('SIGTERM');
      await gateway.until('it shuts down', (lines) => lines.some(({ msg }) => msg === 'shutting down'));
      assert.deepEqual(await gateway.readyz(), [503, 'shutting down']);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
      assert.equal(await gateway.exit, 0);
      const tookMs = performance.now() - startedAt;
      assert.ok(tookMs >= 15_000, `it was gone after ${tookMs} ms`);
      assert.equal(gateway.lines().at(-1)?.msg, 'stopped');
      assert.equal((await look('ea.test.reviewer')).length, 1);
    }));

  for (const signals of [
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGINT', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
  ] as const)
    test(`gateway: ${signals[0]}, then ${signals[1]}, ends it at once with ${signals[2]}`, (t) =>
      onPodsStage(t, '4.3', async ({ start }) => {
        const gateway = await start('gateway', {}, { EVENTAGENT_PRESTOP_SECONDS: '60' });
        await gateway.untilReady();
        gateway.signal(signals[0]);
        await gateway.until('it shuts down', (lines) => lines.some(({ msg }) => msg === 'shutting down'));
        gateway.signal(signals[1]);
        assert.equal(await gateway.exit, signals[2]);
      }));

  test('runner: a second SIGTERM ends it at once, in the middle of a turn', (t) =>
    onPodsStage(t, '4.3', async ({ start, stub }) => {
      stub.next({ hold: { at: 'stream', until: createGate().opened } });
      const gateway = await start('gateway');
      const runner = await start('runner');
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
      await stub.until('the answer is under way', () => stub.underWay(1) === 'stream');
      runner.signal('SIGTERM');
      await runner.until('it shuts down', (lines) => lines.some(({ msg }) => msg === 'shutting down'));
      assert.deepEqual(await runner.readyz(), [503, 'shutting down']);
      assert.equal(runner.hasEnded(), false, 'it waits for the turn');
      runner.signal('SIGTERM');
      assert.equal(await runner.exit, 143);
    }));

  for (const name of ['gateway', 'runner'] as const)
    test(`${name}: while it still waits for the broker, it ends at once with 0`, (t) =>
      onPodsStage(t, '4.3', async ({ start }) => {
        const nowhere = { connection_string: 'amqp://u:p@127.0.0.1:1' };
        const pod = await start(name, { broker: nowhere }, { EVENTAGENT_PRESTOP_SECONDS: '60' });
        pod.signal('SIGTERM');
        assert.equal(await pod.exit, 0);
        assert.deepEqual([pod.stderr(), pod.files.lastWords()], ['', undefined]);
      }));
});
