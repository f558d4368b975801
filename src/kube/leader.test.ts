import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createVirtualClock, type VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Clock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './kube-error.ts';
import { LeaderElection, type LeaderOptions, type Leadership } from './leader.ts';
import { leadingClient } from './leading-client.ts';
import type { Lease } from './lease.ts';
import type { ObjectHead } from './resources.ts';

const { signal } = new AbortController();
const metadata = { namespace: 'system', name: 'controller' };

/** An API server that has one Lease. */
function leaseServer() {
  let [lease, version]: [Lease | undefined, number] = [undefined, 0];
  const put = (next: Lease): Lease => {
    version++;
    lease = { ...next, metadata: { ...next.metadata, resourceVersion: String(version) } };
    return lease;
  };
  return {
    get: () => lease,
    put,
    remove: () => {
      lease = undefined;
    },
    create(next: Lease): Lease {
      if (lease !== undefined) throw new KubeError('Conflict', 'there is one', { reason: 'AlreadyExists' });
      return put(next);
    },
    replace(next: Lease): Lease {
      if (lease === undefined) throw new KubeError('NotFound', 'there is none');
      if (lease.metadata.resourceVersion !== next.metadata.resourceVersion) throw new KubeError('Conflict', 'it has been modified');
      return put(next);
    },
  };
}

type LeaseServer = ReturnType<typeof leaseServer>;

/** How one candidate's requests fare: how long they take there and back, and whether anything arrives at all. */
interface Road {
  thereMs: number;
  backMs: number;
  isCut: boolean;
  requests: number;
}

function clientOf(server: LeaseServer, clock: Clock, road: Road): LeaderOptions['client'] {
  const travel = (ms: number, limit: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (limit.aborted) reject(limit.reason);
      limit.addEventListener('abort', () => reject(limit.reason), { once: true });
      if (ms > 0) clock.timer(ms, resolve);
      else resolve();
    });
  const ask = async <T>(answer: () => unknown, limit: AbortSignal): Promise<T> => {
    road.requests++;
    if (road.isCut) throw new KubeError('Unreachable', 'no answer');
    await travel(road.thereMs, limit);
    // What is under way arrives, though its sender waits no longer.
    const result = answer();
    await travel(road.backMs, limit);
    if (road.isCut) throw new KubeError('Unreachable', 'no answer');
    return result as T;
  };
  return {
    get: (_resource, _namespace, _name, limit) => ask(server.get, limit),
    create: (_resource, object, limit) => ask(() => server.create(object), limit),
    replace: (_resource, object, _options, limit) => ask(() => server.replace(object), limit),
  };
}

interface Candidate {
  readonly election: LeaderElection;
  readonly road: Road;
  readonly lines: string[];
}

function candidate(t: Pick<TestContext, 'after'>, clock: Clock, server: LeaseServer, identity: string, random = () => 0): Candidate {
  const [road, lines]: [Road, string[]] = [{ thereMs: 0, backMs: 0, isCut: false, requests: 0 }, []];
  const election = new LeaderElection({
    client: clientOf(server, clock, road),
    ...metadata,
    identity,
    log: createLog('json', (line) => lines.push(line)),
    clock,
    now: () => clock.now(),
    random,
  });
  t.after(() => election.close());
  return { election, road, lines };
}

/** Two candidates, the first of which leads. */
async function contest(
  t: TestContext,
): Promise<{ clock: VirtualClock; server: LeaseServer; one: Candidate; two: Candidate; term: Leadership }> {
  const [clock, server] = [createVirtualClock(1_000_000), leaseServer()];
  const one = candidate(t, clock, server, 'one');
  await clock.advance(0);
  const term = await one.election.elected(signal);
  const two = candidate(t, clock, server, 'two');
  await clock.advance(0);
  return { clock, server, one, two, term };
}

test('the first candidate leads for as long as it renews, and nobody else', async (t) => {
  const { clock, server, one, two, term } = await contest(t);
  for (let i = 0; i < 60; i++) {
    await clock.advance(1_000);
    assert.deepEqual([one.election.leading(), two.election.leading()], [true, false]);
  }
  assert.equal(term.signal.aborted, false);
  assert.equal(server.get()?.spec?.renewTime, new Date(clock.now()).toISOString().replace('Z', '000Z'));
  assert.deepEqual([one.election.holder(), two.election.holder()], ['one', 'one']);
});

test('a renewal each two seconds is one request', async (t) => {
  const { clock, one, two } = await contest(t);
  await two.election.close();
  const before = one.road.requests;
  await clock.advance(20_000);
  assert.equal(one.road.requests - before, 10);
});

test('when a leader vanishes another one leads after the lease and a retry at most', async (t) => {
  const { clock, one, two, term } = await contest(t);
  await clock.advance(30_000);
  const cutAt = clock.now();
  one.road.isCut = true;
  await clock.runUntil(() => two.election.leading(), 60_000);
  const tookMs = clock.now() - cutAt;
  assert.ok(tookMs >= 13_000 && tookMs <= 17_000, `${tookMs} ms`);
  assert.equal(term.signal.aborted, true);
  assert.equal(two.election.holder(), 'two');
});

test('a leader that cannot renew stops five seconds before anybody else may begin', async (t) => {
  const { clock, one, two, term } = await contest(t);
  await clock.advance(1_000);
  one.road.isCut = true;
  const ended = Promise.withResolvers<number>();
  term.signal.addEventListener('abort', () => ended.resolve(clock.now()));
  await clock.runUntil(() => two.election.leading(), 60_000);
  assert.ok(clock.now() - (await ended.promise) >= 5_000);
  assert.match(String(term.signal.reason), /could not be renewed for 10000 ms/);
  assert.equal(one.election.leading(), false);
});

test('time counts from when the last renewal was sent, not from when its answer came', async (t) => {
  const { clock, one, two } = await contest(t);
  await two.election.close();
  one.road.backMs = 4_000;
  const before = one.road.requests;
  await clock.runUntil(() => one.road.requests > before, 10_000);
  const sentAt = clock.now();
  await clock.advance(4_000);
  one.road.isCut = true;
  await clock.runUntil(() => !one.election.leading(), 20_000);
  assert.equal(clock.now() - sentAt, 10_000);
});

test('a renewal that hangs is given up in time for another one', async (t) => {
  const { clock, one, term } = await contest(t);
  one.road.thereMs = 60_000;
  await clock.advance(3_000);
  one.road.thereMs = 0;
  await clock.advance(30_000);
  assert.equal(term.signal.aborted, false);
});

test('short trouble ends no leadership', async (t) => {
  const { clock, one, term } = await contest(t);
  for (let i = 0; i < 3; i++) {
    one.road.isCut = true;
    await clock.advance(5_000);
    one.road.isCut = false;
    await clock.advance(4_000);
  }
  assert.equal(term.signal.aborted, false);
  assert.equal(one.lines.filter((line) => line.includes('cannot be renewed')).length, 3, 'once for each trouble');
});

test('a leader that was cut off may lead again, in a new term', async (t) => {
  const { clock, one, two, term } = await contest(t);
  await two.election.close();
  one.road.isCut = true;
  await clock.advance(20_000);
  assert.equal(term.signal.aborted, true);
  const next = one.election.elected(signal);
  one.road.isCut = false;
  await clock.advance(3_000);
  assert.notEqual(await next, term);
  assert.equal((await next).holds(), true);
});

test('a lease that is released is taken at the next look', async (t) => {
  const { clock, server, one, two, term } = await contest(t);
  await clock.advance(5_000);
  const releasedAt = clock.now();
  await one.election.close();
  assert.equal(term.signal.aborted, true);
  assert.equal(server.get()?.spec?.holderIdentity, '');
  await clock.runUntil(() => two.election.leading(), 60_000);
  assert.ok(clock.now() - releasedAt <= 2_400, `${clock.now() - releasedAt} ms`);
  assert.equal(server.get()?.spec?.leaseTransitions, 1);
  await assert.rejects(one.election.elected(signal), /closed/);
});

test('who does not lead releases nothing', async (t) => {
  const { clock, server, two } = await contest(t);
  await clock.advance(1_000);
  await two.election.close();
  assert.equal(server.get()?.spec?.holderIdentity, 'one');
});

test('a release that gets no answer is given up after five seconds', async (t) => {
  const { clock, one } = await contest(t);
  one.road.thereMs = 60_000;
  const closing = one.election.close();
  await clock.advance(5_000);
  await closing;
  assert.match(one.lines.at(-1) ?? '', /could not be released/);
  assert.equal(one.election.leading(), false);
});

test('nobody waits at a close for a lease that was never held', async (t) => {
  const clock = createVirtualClock(0);
  const alone = candidate(t, clock, leaseServer(), 'one');
  alone.road.isCut = true;
  await clock.advance(10_000);
  const elected = alone.election.elected(signal);
  await alone.election.close();
  await assert.rejects(elected, /closed/);
  assert.equal(clock.pending, 0);
});

test('waiting for an election ends with its signal', async (t) => {
  const { two } = await contest(t);
  const controller = new AbortController();
  const waiting = two.election.elected(controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
});

test('times that are written in a lease decide nothing', async (t) => {
  const { clock, server, one, two } = await contest(t);
  await one.election.close();
  await clock.advance(3_000);
  assert.equal(two.election.leading(), true);
  for (const [renewTime, isTaken] of [
    ['2001-01-01T00:00:00.000000Z', false],
    ['2099-01-01T00:00:00.000000Z', true],
  ] as const) {
    const lease = server.get() ?? assert.fail();
    server.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'somebody', renewTime, leaseDurationSeconds: 15 } });
    await clock.advance(14_000);
    assert.equal(two.election.leading(), false, `${renewTime}: left alone for a whole lease`);
    await clock.advance(3_000);
    assert.equal(two.election.leading(), true, `${renewTime}: and then no longer (${isTaken})`);
  }
});

test('a leader whose lease somebody else has taken stops at once', async (t) => {
  const { clock, server, one, term } = await contest(t);
  const lease = server.get() ?? assert.fail();
  server.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'somebody' } });
  await clock.advance(2_000);
  assert.equal(term.signal.aborted, true);
  assert.match(String(term.signal.reason), /somebody holds the lease now/);
  assert.equal(one.election.leading(), false);
  await one.election.close();
  assert.equal(server.get()?.spec?.holderIdentity, 'somebody', 'it is not ours to release');
});

test('a leader puts up with a lease that somebody has annotated or deleted', async (t) => {
  const { clock, server, two, term } = await contest(t);
  await two.election.close();
  const lease = server.get() ?? assert.fail();
  server.put({ ...lease, metadata: { ...lease.metadata, annotations: { a: 'b' } } });
  await clock.advance(2_000);
  server.remove();
  await clock.advance(2_000);
  assert.equal(term.signal.aborted, false);
  assert.equal(server.get()?.spec?.holderIdentity, 'one');
});

/** A clock of a process that can be frozen: its timers then fire late, all at once. */
function freezable(clock: Clock) {
  let [isFrozen, held]: [boolean, (() => void)[]] = [false, []];
  return {
    now: clock.now,
    timer(delayMs: number, fire: () => void) {
      let isCancelled = false;
      const fired = () => {
        if (isCancelled) return;
        if (isFrozen) held.push(fired);
        else fire();
      };
      const timer = clock.timer(delayMs, fired);
      return {
        cancel() {
          isCancelled = true;
          timer.cancel();
        },
      };
    },
    freeze: () => {
      isFrozen = true;
    },
    thaw: () => {
      isFrozen = false;
      const due = held;
      held = [];
      for (const fire of due) fire();
    },
  };
}

test('a frozen leader that wakes up past its time does nothing more, though its own timers come first', async (t) => {
  const [clock, server] = [createVirtualClock(0), leaseServer()];
  const ownClock = freezable(clock);
  const one = candidate(t, ownClock, server, 'one');
  await clock.advance(0);
  const term = await one.election.elected(signal);
  const two = candidate(t, clock, server, 'two');
  const deeds: string[] = [];
  const plain = { apply: async () => void deeds.push(`${clock.now()}`), close: async () => {} } as unknown as KubeClient;
  const client = leadingClient(plain, term);
  const object: ObjectHead = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  const refused: unknown[] = [];
  const work = () => {
    client
      .apply({ group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' }, object, { fieldManager: 'x' }, signal)
      .catch((error: unknown) => refused.push(error));
    ownClock.timer(700, work);
  };
  work();
  await clock.advance(5_000);
  const before = deeds.length;
  ownClock.freeze();
  await clock.advance(30_000);
  assert.equal(two.election.leading(), true);
  ownClock.thaw();
  await clock.advance(2_000);
  assert.equal(deeds.length, before);
  assert.ok(before > 5 && refused.length > 1);
  assert.equal(refused[0], term.signal.reason);
  assert.equal(term.signal.aborted, true);
});

test('whatever the network and the scheduler do, no two lead at a time, and in the end one does', async () => {
  const trouble = fc.record({
    who: fc.integer({ min: 0, max: 2 }),
    what: fc.constantFrom('freeze', 'thaw', 'cut', 'mend', 'slow', 'fast', 'restart'),
    afterMs: fc.integer({ min: 0, max: 6_000 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(trouble, { maxLength: 25 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (troubles, chances) => {
        const [clock, server] = [createVirtualClock(0), leaseServer()];
        const random = () => chances.next().value ?? 0;
        const closings: (() => unknown)[] = [];
        const t = { after: (close: () => unknown) => void closings.push(close) };
        let born = 0;
        const make = () => {
          const own = freezable(clock);
          return { own, ...candidate(t, own, server, `candidate ${born++}`, random) };
        };
        const candidates = [make(), make(), make()];
        /** Killed ones: their requests go nowhere, but they may still believe to lead. */
        const killed: ReturnType<typeof make>[] = [];
        const leaders = () => [...candidates, ...killed].filter(({ election }) => election.leading()).length;
        const watchFor = async (ms: number) => {
          for (let past = 0; past < ms; past += 500) {
            await clock.advance(500);
            assert.ok(leaders() <= 1, `${leaders()} lead`);
          }
        };
        for (const { who, what, afterMs } of troubles) {
          const { own, road } = candidates[who] ?? assert.fail();
          if (what === 'freeze') own.freeze();
          if (what === 'thaw') own.thaw();
          if (what === 'cut' || what === 'mend') road.isCut = what === 'cut';
          if (what === 'slow') Object.assign(road, { thereMs: random() * 6_000, backMs: random() * 6_000 });
          if (what === 'fast') Object.assign(road, { thereMs: 0, backMs: 0 });
          if (what === 'restart') {
            road.isCut = true;
            killed.push(...candidates.splice(who, 1, make()));
          }
          assert.ok(leaders() <= 1, `${leaders()} lead at once after ${what}`);
          await watchFor(afterMs);
        }
        for (const { own, road } of candidates) {
          own.thaw();
          Object.assign(road, { thereMs: 0, backMs: 0, isCut: false });
        }
        await watchFor(30_000);
        assert.equal(leaders(), 1);
        const closed = Promise.all(closings.map((close) => close()));
        await clock.advance(6_000);
        await closed;
      },
    ),
    { numRuns: 30 },
  );
});
