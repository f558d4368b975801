import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../test/support/agent.ts';
import { agentSchedule } from '../../test/support/schedule.ts';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { envelopeOf } from '../api/event.ts';
import type { EventRecord, RecordResult } from '../api/record.ts';
import { BrokerError, type Publication, type PublishOutcome } from '../broker/port.ts';
import { compileSchedule } from '../compile/schedule.ts';
import { silentLog } from '../lib/log.ts';
import { Termination } from '../lib/termination.ts';
import { createMemoryStore } from '../store/memory.ts';
import { type RecordKey, StoreError } from '../store/port.ts';
import { PATIENCE_MS } from './patience.ts';
import { runTick, type TickEnd } from './run-tick.ts';
import { type TickJob, tickKey } from './tick-event.ts';

const SLOT = Date.parse('2026-01-01T07:00:00Z');
const MINUTE_MS = 60_000;
const configuration = compileSchedule(
  agentSchedule({ spec: { every: '10m', input: { report: 'sales' } } }),
  eventAgent({ idempotency: { retentionSeconds: 86_400 } }),
  { uid: 'uid' },
);
const next = SLOT + 10 * MINUTE_MS;
const idOf = (slot: number) => `uid-${slot / MINUTE_MS}`;
const jobOf = (slot: number): TickJob => ({ name: `briefing-tick-${slot / MINUTE_MS}`, uid: `job-${slot}` });

/** A tick's world: its store and clock, and a broker that only takes or refuses. */
function stage(now = SLOT + 2000) {
  const clock = createVirtualClock(now);
  const store = createMemoryStore(clock);
  const published: Publication[] = [];
  const stop = new AbortController();
  const world = {
    clock,
    store,
    published,
    stop,
    /** What becomes of a publication. */
    fate: (): Promise<PublishOutcome> => Promise.resolve('confirmed'),
    /** While it is set, the store answers nothing. */
    storeFails: undefined as StoreError | undefined,
    /** What happens between an answer of the store and the next question. */
    afterRead: async () => {},
    /** Writes the record of a slot's event as a runner would. */
    record: async (eventId: string, change: Partial<EventRecord>) => {
      const key = tickKey(configuration, eventId);
      const record = { gen: 0, attempt: 1, phase: 'running', fence: 'runner', starts: 1, startedAt: 0, outputs: {}, ...change } as const;
      const writing = store.read(key).then(({ stored }) => store.replace(key, stored?.version ?? 0, { record, leaseMs: 0 }));
      await clock.advance(0);
      await clock.advance(0);
      assert.ok((await writing).written);
    },
    finish: (eventId: string, result: RecordResult) =>
      world.record(eventId, { phase: result.outcome === 'dead' ? 'dead' : 'done', result }),
    /** Begins a tick; its end, or how it failed, is there once the clock has come so far. */
    begin: (job: TickJob) => {
      const begun: { end?: TickEnd; error?: unknown } = {};
      const failing =
        <Args extends readonly unknown[], T>(call: (...args: Args) => Promise<T>) =>
        (...args: Args): Promise<T> =>
          world.storeFails === undefined ? call(...args) : Promise.reject(world.storeFails);
      const ports = {
        publish: (publication: Publication) => {
          published.push(publication);
          return world.fate();
        },
        store: {
          read: failing(async (key: RecordKey) => {
            const read = await store.read(key);
            await world.afterRead();
            return read;
          }),
          replace: failing(store.replace),
          lastTick: failing(store.lastTick),
          replaceLastTick: failing(store.replaceLastTick),
        },
        clock,
        log: silentLog,
        newFence: () => `tick-${Math.random()}`,
        random: () => 0.5,
      };
      runTick(configuration, job, ports, stop.signal).then(
        (end) => Object.assign(begun, { end }),
        (error: unknown) => Object.assign(begun, { error }),
      );
      return begun;
    },
  };
  return world;
}

test("the event of a slot goes to the agent's own queue, says that it is a tick and when it expires", async () => {
  const { clock, published, begin } = stage();
  begin(jobOf(SLOT));
  await clock.advance(1000);
  const [publication] = published;
  assert.ok(publication !== undefined && published.length === 1);
  const { exchange, routingKey, contentType, body } = publication;
  assert.deepEqual(
    { exchange, routingKey, contentType, data: JSON.parse(body.toString()) as unknown },
    { exchange: 'ea.test.agent', routingKey: 'work', contentType: 'application/json', data: { report: 'sales' } },
  );
  const { attributes, progress } = envelopeOf(publication, exchange);
  assert.deepEqual(attributes, {
    id: idOf(SLOT),
    source: '/apis/eventagent.dev/v1alpha1/namespaces/test/agentschedules/briefing',
    type: 'dev.eventagent.schedule',
    time: '2026-01-01T07:00:00.000Z',
    extensions: {},
    hop: 0,
  });
  assert.deepEqual(progress, { attempt: 1, gen: 0, tick: true, expiresAt: SLOT + 10 * MINUTE_MS });
});

test('the event of a Job by hand is one of its own, and never expires', async () => {
  const world = stage();
  const begun = world.begin({ name: 'now', uid: 'job-7' });
  await world.clock.advance(3_600_000);
  const [publication] = world.published;
  assert.ok(publication !== undefined && world.published.length === 1);
  const { attributes, progress } = envelopeOf(publication, publication.exchange);
  assert.deepEqual([attributes.id, attributes.time], ['uid-manual-job-7', '2026-01-01T07:00:02.000Z']);
  assert.deepEqual(progress, { attempt: 1, gen: 0, tick: true });
  assert.deepEqual(begun, {});
  await world.finish('uid-manual-job-7', { outcome: 'done', endedAt: 5 });
  await world.clock.advance(2000);
  assert.deepEqual(begun.end, { outcome: 'done', reason: '', eventId: 'uid-manual-job-7', finishedAt: 5 });
});

for (const [result, want] of [
  [
    { outcome: 'done', endedAt: 9 },
    { outcome: 'done', reason: '' },
  ],
  [
    { outcome: 'filtered', endedAt: 9 },
    { outcome: 'filtered', reason: '' },
  ],
  [
    { outcome: 'stale', endedAt: 9 },
    { outcome: 'stale', reason: '' },
  ],
  [
    { outcome: 'expired', endedAt: 9 },
    { outcome: 'expired', reason: '' },
  ],
  [
    { outcome: 'dead', reason: 'Refused', endedAt: 9 },
    { outcome: 'dead', reason: 'Refused' },
  ],
] as const satisfies readonly (readonly [RecordResult, object])[])
  test(`a tick waits for the end of its run, and ends as ${want.outcome}`, async () => {
    const world = stage();
    const begun = world.begin(jobOf(SLOT));
    await world.clock.advance(5000);
    for (const phase of ['running', 'decided', 'parked'] as const) {
      await world.record(idOf(SLOT), { phase });
      await world.clock.advance(5000);
      assert.deepEqual(begun, {}, `${phase} is no end`);
    }
    await world.finish(idOf(SLOT), result);
    await world.clock.advance(2000);
    assert.deepEqual(begun.end, { ...want, eventId: idOf(SLOT), slot: SLOT, finishedAt: 9 });
    assert.equal(world.published.length, 1);
  });

test('a run that was begun in time is waited for beyond it', async () => {
  const world = stage();
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(5000);
  await world.record(idOf(SLOT), { phase: 'parked' });
  await world.clock.advance(3_600_000);
  assert.deepEqual(begun, {});
});

test('an event that nobody has taken by the next slot expires: nobody will', async () => {
  const world = stage();
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(10 * MINUTE_MS - 4000);
  assert.deepEqual(begun, {});
  await world.clock.advance(6000);
  assert.equal(begun.end?.outcome, 'expired');
  const reading = world.store.read(tickKey(configuration, idOf(SLOT)));
  await world.clock.advance(0);
  assert.deepEqual((await reading).stored?.record.result?.outcome, 'expired');
});

test('a runner that takes the event at the moment at which the tick would let it expire is first', async () => {
  const world = stage();
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(5000);
  const key = tickKey(configuration, idOf(SLOT));
  world.afterRead = async () => {
    if (world.clock.now() < next) return;
    world.afterRead = async () => {};
    const record = { gen: 0, attempt: 1, phase: 'running', fence: 'runner', starts: 1, startedAt: 0, outputs: {} } as const;
    assert.ok((await world.store.replace(key, 0, { record, leaseMs: 0 })).written);
  };
  await world.clock.advance(20 * MINUTE_MS);
  assert.deepEqual(begun, {}, 'its run is waited for');
  const reading = world.store.read(key);
  await world.clock.advance(0);
  assert.equal((await reading).stored?.record.fence, 'runner');
});

test('a tick that begins after its time publishes nothing', async () => {
  const world = stage(SLOT + 10 * MINUTE_MS);
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(2000);
  assert.deepEqual([begun.end?.outcome, world.published.length], ['expired', 0]);
});

test('a tick that begins after its time has expired, whatever became of the run before', async () => {
  const world = stage();
  world.begin(jobOf(SLOT));
  await world.clock.advance(2000);
  await world.record(idOf(SLOT), {});
  await world.clock.advance(SLOT + 20 * MINUTE_MS - world.clock.now());
  const begun = world.begin(jobOf(SLOT + 10 * MINUTE_MS));
  await world.clock.advance(2000);
  assert.equal(begun.end?.outcome, 'expired');
});

test('a tick that was cut publishes again under the same id, unless it sees that the event was taken', async () => {
  const world = stage();
  world.begin(jobOf(SLOT));
  await world.clock.advance(2000);
  world.begin(jobOf(SLOT));
  await world.clock.advance(2000);
  assert.deepEqual(
    world.published.map(({ headers }) => headers['ce-id']),
    [idOf(SLOT), idOf(SLOT)],
  );
  await world.record(idOf(SLOT), {});
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(2000);
  assert.equal(world.published.length, 2);
  await world.finish(idOf(SLOT), { outcome: 'done', endedAt: 1 });
  await world.clock.advance(2000);
  assert.equal(begun.end?.outcome, 'done');
});

for (const phase of ['running', 'decided', 'parked'] as const)
  test(`a tick whose predecessor's record is ${phase} begins nothing`, async () => {
    const world = stage();
    world.begin(jobOf(SLOT));
    await world.clock.advance(2000);
    await world.record(idOf(SLOT), { phase });
    await world.clock.advance(next - world.clock.now());
    const begun = world.begin(jobOf(next));
    await world.clock.advance(5000);
    assert.deepEqual([begun.end?.outcome, begun.end?.reason, begun.end?.slot], ['skipped', 'PreviousRunUnfinished', next]);
    assert.equal(world.published.length, 1);
    await world.finish(idOf(SLOT), { outcome: 'done', endedAt: 1 });
    world.begin(jobOf(next + 10 * MINUTE_MS));
    await world.clock.advance(5000);
    assert.equal(world.published.length, 2, 'the one after that begins again');
  });

test('a tick whose predecessor has published and was not taken begins nothing before that has expired', async () => {
  const world = stage();
  world.begin(jobOf(SLOT));
  await world.clock.advance(2000);
  // Somebody has changed the schedule: the next slot comes before the end of the last one.
  const early = world.begin(jobOf(SLOT + MINUTE_MS));
  await world.clock.advance(2000);
  assert.deepEqual([early.end?.outcome, world.published.length], ['skipped', 1]);
});

test('a tick lets its predecessor expire, even by a clock that is a little behind, and begins', async () => {
  const world = stage();
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(next - 3000 - world.clock.now());
  assert.deepEqual(begun, {});
  const second = world.begin(jobOf(next));
  await world.clock.advance(2000);
  assert.deepEqual([begun.end?.outcome, second, world.published.length], ['expired', {}, 2]);
});

test('a Job by hand asks after nobody, and nobody after it', async () => {
  const world = stage();
  world.begin(jobOf(SLOT));
  await world.clock.advance(2000);
  await world.record(idOf(SLOT), {});
  world.begin({ name: 'now', uid: 'job-7' });
  await world.clock.advance(2000);
  assert.equal(world.published.length, 2);
  await world.finish(idOf(SLOT), { outcome: 'done', endedAt: 1 });
  await world.clock.advance(next - world.clock.now());
  world.begin(jobOf(next));
  await world.clock.advance(2000);
  assert.equal(world.published.length, 3, 'its run goes on');
});

test('of two ticks for two slots that begin at once, one publishes', async () => {
  const world = stage(next + 1000);
  world.begin(jobOf(next));
  world.begin(jobOf(next + MINUTE_MS));
  await world.clock.advance(3000);
  assert.equal(world.published.length, 1);
});

for (const [name, fate] of [
  ['is away', () => Promise.reject(new BrokerError('Unreachable', 'no connection'))],
  ['has an alarm', () => Promise.reject(new BrokerError('Blocked', 'memory alarm'))],
  ['loses the channel', () => Promise.reject(new BrokerError('ChannelClosed', 'closed'))],
  ['has no queue for it', () => Promise.resolve<PublishOutcome>('unroutable')],
  ['has a full queue', () => Promise.resolve<PublishOutcome>('refused')],
] as const)
  test(`a broker that ${name} is tried again and again, and given up after a minute`, async () => {
    const world = stage();
    world.fate = fate;
    const begun = world.begin(jobOf(SLOT));
    await world.clock.advance(20_000);
    assert.ok(world.published.length > 5 && begun.error === undefined);
    world.fate = () => Promise.resolve('confirmed');
    const until = world.published.length + 1;
    await world.clock.advance(20_000);
    assert.equal(world.published.length, until, 'it was taken when the broker took it');

    const other = stage();
    other.fate = fate;
    const given = other.begin(jobOf(SLOT));
    await other.clock.advance(PATIENCE_MS + 1000);
    assert.ok(given.error instanceof Termination);
    assert.equal(given.error.code, name.startsWith('has no') || name.startsWith('has a full') ? 'PublishRefused' : 'BrokerUnreachable');
  });

test('a refused login is no reason to wait', async () => {
  const world = stage();
  world.fate = () => Promise.reject(new BrokerError('LoginRefused', 'wrong password'));
  const byBroker = world.begin(jobOf(SLOT));
  await world.clock.advance(1000);
  assert.ok(byBroker.error instanceof Termination && byBroker.error.code === 'BrokerLoginRefused');
  world.storeFails = new StoreError('LoginRefused', 'wrong password');
  const byStore = world.begin(jobOf(SLOT));
  await world.clock.advance(1000);
  assert.ok(byStore.error instanceof Termination && byStore.error.code === 'StoreLoginRefused');
});

test('a store that is away while a run is waited for is asked again, and given up after a minute', async () => {
  const world = stage();
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(5000);
  world.storeFails = new StoreError('Unreachable', 'away');
  await world.clock.advance(40_000);
  world.storeFails = undefined;
  await world.finish(idOf(SLOT), { outcome: 'done', endedAt: 1 });
  await world.clock.advance(7000);
  assert.equal(begun.end?.outcome, 'done');

  const other = stage();
  const given = other.begin(jobOf(SLOT));
  await other.clock.advance(5000);
  other.storeFails = new StoreError('Unreachable', 'away');
  await other.clock.advance(PATIENCE_MS + 7000);
  assert.ok(given.error instanceof Termination && given.error.code === 'StoreUnreachable');
});

test('an event that the broker did not confirm in its time expires, whatever the broker has', async () => {
  const world = stage(SLOT + 10 * MINUTE_MS - 10_000);
  world.fate = () => Promise.reject(new BrokerError('ChannelClosed', 'closed'));
  const begun = world.begin(jobOf(SLOT));
  await world.clock.advance(30_000);
  assert.equal(begun.end?.outcome, 'expired');
});

for (const [name, change] of [
  ['publishes', { fate: () => new Promise<PublishOutcome>(() => {}) }],
  ['waits before it publishes again', { fate: () => Promise.resolve<PublishOutcome>('refused') }],
  ['waits for the run', {}],
  ['waits for the store', { storeFails: new StoreError('Unreachable', 'away') }],
] as const)
  test(`a tick that is told to stop while it ${name} stops at once, and leaves no timer`, async () => {
    const world = Object.assign(stage(), change);
    const begun = world.begin(jobOf(SLOT));
    await world.clock.advance(3000);
    assert.deepEqual(begun, {});
    const reason = new Error('stop');
    world.stop.abort(reason);
    await world.clock.advance(0);
    assert.equal(begun.error, reason);
    assert.equal(world.clock.pending, 0);
  });

test('a configuration whose schedule means nothing is refused before anything is asked', async () => {
  const clock = createVirtualClock(SLOT);
  const store = createMemoryStore(clock);
  const ports = { publish: () => Promise.reject(new Error()), store, clock, log: silentLog, newFence: () => 'f', random: () => 0 };
  await assert.rejects(runTick({ ...configuration, cron: 'x' }, jobOf(SLOT), ports, new AbortController().signal), { code: 'BadSchedule' });
});
