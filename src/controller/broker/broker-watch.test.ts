import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createVirtualClock } from '../../../test/support/virtual-clock.ts';
import { BrokerError } from '../../broker/port.ts';
import type { BrokerAdmin } from '../../broker/topology.ts';
import { createLog } from '../../lib/log.ts';
import { BrokerWatch } from './broker-watch.ts';

/** A watch of a broker whose listing of queues takes as long as `tookMs` says, or fails. */
function watched(t: TestContext, tookMs: () => number | Error) {
  const clock = createVirtualClock(0);
  const admin = {
    queues: (signal: AbortSignal) =>
      new Promise<readonly never[]>((resolve, reject) => {
        const took = tookMs();
        if (took instanceof Error) return reject(took);
        clock.timer(took, () => resolve([]));
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    routes: async () => ({ exchanges: [], bindings: [] }),
  } as Pick<BrokerAdmin, 'queues' | 'routes'> as BrokerAdmin;
  const watch = new BrokerWatch({
    name: 'default',
    admin: () => admin,
    clock,
    log: createLog('json', () => {}),
    onChange: () => {},
    onPolled: () => {},
    assertLeading: () => {},
  });
  t.after(() => watch.close());
  watch.start();
  return { clock, watch };
}

test('a broker that lists slowly is reachable all the time, and its depths are known', async (t) => {
  const { clock, watch } = watched(t, () => 25_000);
  await clock.advance(25_000);
  for (let second = 0; second < 120; second += 1) {
    assert.deepEqual([watch.reachability.reason, watch.isCurrent], ['Reachable', true], `after ${second} s`);
    await clock.advance(1000);
  }
});

test('one that does not answer within 30 s is not, and no depth is known of it', async (t) => {
  let took = 0;
  const { clock, watch } = watched(t, () => took);
  await clock.advance(0);
  assert.equal(watch.isCurrent, true);
  took = 60_000;
  await clock.advance(10_000 + 29_000);
  assert.equal(watch.isCurrent, true);
  await clock.advance(1000);
  assert.deepEqual([watch.reachability.reason, watch.isCurrent], ['BrokerUnreachable', false]);
  assert.match(watch.reachability.message, /no answer within 30 s/);
  took = 0;
  await clock.advance(10_000);
  assert.deepEqual([watch.reachability.reason, watch.isCurrent], ['Reachable', true]);
});

test('one that refuses the login has no depths at once', async (t) => {
  let answer: number | Error = 0;
  const { clock, watch } = watched(t, () => answer);
  await clock.advance(0);
  answer = new BrokerError('LoginRefused', 'refused');
  await clock.advance(10_000);
  assert.deepEqual([watch.reachability.reason, watch.isCurrent], ['BrokerLoginRefused', false]);
});
