import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createVirtualClock, type VirtualClock } from '../../test/support/virtual-clock.ts';
import { sleep } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { KubeError } from './kube-error.ts';
import { type Work, type WorkDone, WorkQueue } from './work-queue.ts';

interface World {
  readonly queue: WorkQueue;
  readonly clock: VirtualClock;
  /** Which keys were begun, with their times in seconds. */
  readonly begun: string[];
  readonly lines: string[];
}

function world(
  t: TestContext,
  work: (key: string, signal: AbortSignal, time: number) => WorkDone | undefined | Promise<WorkDone | undefined>,
  workers = 1,
): World {
  const clock = createVirtualClock(0);
  const [begun, lines]: [string[], string[]] = [[], []];
  const queue = new WorkQueue({
    work: async (key, signal) => {
      begun.push(`${clock.now() / 1000} ${key}`);
      return work(key, signal, begun.length);
    },
    workers,
    clock,
    log: createLog('json', (line) => lines.push(line)),
    random: () => 0,
  });
  t.after(() => queue.close());
  return { queue, clock, begun, lines };
}

const nothing = () => undefined;

test('a key that is added often before its turn is worked on once', async (t) => {
  const { queue, clock, begun } = world(t, nothing);
  for (const key of ['a', 'b', 'a', 'b', 'a']) queue.add(key);
  assert.equal(begun.length, 0, 'nothing begins in the middle of an add');
  await clock.advance(0);
  assert.deepEqual(begun, ['0 a', '0 b']);
  assert.equal(queue.depth() + queue.working(), 0);
});

test('a key that is added while it is worked on is worked on once more afterwards', async (t) => {
  const gates = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  const { queue, clock, begun } = world(t, (_key, _signal, time) => gates[time - 1]?.promise, 2);
  queue.add('a');
  await clock.advance(0);
  for (let i = 0; i < 3; i++) queue.add('a');
  await clock.advance(1_000);
  assert.deepEqual(begun, ['0 a'], 'never twice at a time, though a worker is free');
  gates[0]?.resolve(undefined);
  await clock.advance(0);
  assert.deepEqual(begun, ['0 a', '1 a']);
  gates[1]?.resolve(undefined);
  await clock.advance(0);
  assert.equal(begun.length, 2);
});

test('as many keys are worked on as there are workers', async (t) => {
  const gates = new Map(['a', 'b', 'c', 'd'].map((key) => [key, Promise.withResolvers<undefined>()]));
  const { queue, clock, begun } = world(t, (key) => gates.get(key)?.promise, 2);
  for (const key of gates.keys()) queue.add(key);
  await clock.advance(0);
  assert.deepEqual([begun, queue.depth(), queue.working()], [['0 a', '0 b'], 2, 2]);
  gates.get('b')?.resolve(undefined);
  await clock.advance(0);
  assert.deepEqual([begun, queue.depth(), queue.working()], [['0 a', '0 b', '0 c'], 1, 2]);
  for (const gate of gates.values()) gate.resolve(undefined);
  await clock.advance(0);
  assert.deepEqual([begun.length, queue.depth(), queue.working()], [4, 0, 0]);
});

test('the earliest time counts', async (t) => {
  const { queue, clock, begun } = world(t, nothing);
  queue.addAfter('a', 5_000);
  queue.addAfter('a', 3_000);
  queue.addAfter('a', 9_000);
  queue.addAfter('b', 9_000);
  assert.equal(queue.depth(), 0);
  await clock.advance(4_000);
  queue.add('b');
  await clock.advance(60_000);
  assert.deepEqual(begun, ['3 a', '4 b']);
});

test('a time that is asked for during the work counts from then', async (t) => {
  const { queue, clock, begun } = world(t, (_key, _signal, time) => {
    if (time > 1) return undefined;
    queue.addAfter('a', 4_000);
    return { after: 6_000 };
  });
  queue.add('a');
  await clock.advance(60_000);
  assert.deepEqual(begun, ['0 a', '4 a']);
});

test('work says when to look again; an add in between takes the place of that', async (t) => {
  const { queue, clock, begun } = world(t, () => ({ after: 60_000 }));
  queue.add('a');
  await clock.advance(70_000);
  queue.add('a');
  await clock.advance(70_000);
  assert.deepEqual(begun, ['0 a', '60 a', '70 a', '130 a']);
});

test('what is left behind waits until no other key is due; an add brings it forward', async (t) => {
  for (const isAdded of [false, true]) {
    const held = Promise.withResolvers<undefined>();
    const { queue, clock, begun } = world(t, (key) => {
      if (key === 'held') return held.promise;
      return key === 'a' && begun.length === 1 ? { behind: true } : undefined;
    });
    queue.add('a');
    queue.add('held');
    queue.add('b');
    await clock.advance(0);
    if (isAdded) queue.add('a');
    queue.add('c');
    assert.equal(queue.depth(), 3);
    held.resolve(undefined);
    await clock.advance(0);
    assert.deepEqual(
      begun,
      ['a', 'held', 'b', ...(isAdded ? ['a', 'c'] : ['c', 'a'])].map((key) => `0 ${key}`),
    );
  }
});

test('what is left behind has its turn after ten seconds, though others never cease to be due', async (t) => {
  const { queue, clock, begun } = world(t, async (key, signal) => {
    if (key === 'a') return begun.length === 1 ? { behind: true } : undefined;
    await sleep(clock, 500, signal);
    return { after: 0 };
  });
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await clock.advance(30_000);
  const turns = begun.filter((entry) => entry.endsWith(' a')).map((entry) => Number.parseFloat(entry));
  assert.equal(turns.length, 2);
  assert.ok((turns[1] ?? 0) >= 10 && (turns[1] ?? 0) <= 11.5, `${turns}`);
});

test('a failure is tried again after a growing pause, up to the resync, and a success ends that', async (t) => {
  const { queue, clock, begun, lines } = world(t, (_key, _signal, time) => {
    if (time === 12) return { after: 1_000 };
    throw new KubeError('Conflict', 'no luck');
  });
  queue.add('a');
  await clock.advance(213_000);
  assert.deepEqual(
    begun.map((line) => Number(line.split(' ')[0])),
    [0, 1, 3, 7, 15, 31, 58.5, 86, 113.5, 141, 168.5, 196, 197, 198, 200, 204, 212],
  );
  assert.match(lines[1] ?? '', /"level":"warn".*"key":"a","error":"no luck","failures":2,"waitMs":2000,"code":"Conflict"/);
});

test('the pause is jittered', async (t) => {
  const clock = createVirtualClock(0);
  const times: number[] = [];
  const queue = new WorkQueue({
    work: async () => {
      times.push(clock.now());
      throw new Error('no luck');
    },
    workers: 1,
    clock,
    log: createLog('json', () => {}),
    random: () => 0.5,
  });
  t.after(() => queue.close());
  queue.add('a');
  await clock.advance(5_000);
  assert.deepEqual(times, [0, 1_500, 4_500]);
});

test('a failing key rests for a second, whoever adds it; then an add ends the pause', async (t) => {
  const { queue, clock, begun } = world(t, (key, _signal, time) => {
    // Its own failed attempt makes it come again: a status write does that.
    if (time < 8) queue.add(key);
    throw new Error('no luck');
  });
  queue.add('a');
  await clock.advance(100);
  queue.add('a');
  await clock.advance(6_900);
  assert.deepEqual(begun, ['0 a', '1 a', '2 a', '3 a', '4 a', '5 a', '6 a', '7 a']);
  await clock.advance(20_000);
  queue.add('a');
  await clock.advance(0);
  assert.equal(begun.at(-1), '27 a');
});

test('no key is tried while the API server asks to be left alone', async (t) => {
  const { queue, clock, begun } = world(t, (_key, _signal, time) => {
    if (time === 1) throw new KubeError('Throttled', 'slowly', { retryAfterMs: 7_000 });
    return undefined;
  });
  queue.add('a');
  await clock.advance(0);
  queue.add('a');
  await clock.advance(60_000);
  assert.deepEqual(begun, ['0 a', '7 a']);
});

test('one failing key keeps no other from its turn', async (t) => {
  const { queue, clock, begun } = world(t, (key) => {
    if (key === 'bad') throw new Error('no luck');
    return undefined;
  });
  for (const key of ['bad', 'good']) queue.add(key);
  await clock.advance(500);
  queue.add('good');
  await clock.advance(0);
  assert.deepEqual(begun, ['0 bad', '0 good', '0.5 good']);
});

test('closing aborts what is under way, waits for it, and takes nothing more', async (t) => {
  const finishing = Promise.withResolvers<undefined>();
  let aborted = false;
  const { queue, clock, begun, lines } = world(t, async (_key, signal) => {
    signal.addEventListener('abort', () => {
      aborted = true;
    });
    await finishing.promise;
    throw signal.reason;
  });
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 1_000);
  await clock.advance(0);
  queue.add('a');
  let isClosed = false;
  const closing = queue.close().then(() => {
    isClosed = true;
  });
  assert.equal(aborted, true);
  assert.equal(clock.pending, 0);
  await clock.advance(0);
  assert.equal(isClosed, false);
  finishing.resolve(undefined);
  await closing;
  queue.add('d');
  await clock.advance(60_000);
  assert.deepEqual([begun, queue.depth(), clock.pending, lines], [['0 a'], 0, 0, []]);
});

test('whatever is added and whatever fails, no key runs twice at a time, and each add is followed by work on it', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    afterMs: fc.constantFrom(0, 0, 500, 3_000),
    pauseMs: fc.integer({ min: 0, max: 2_000 }),
  });
  const outcome = fc.record({
    takesMs: fc.integer({ min: 0, max: 3_000 }),
    isFailure: fc.boolean(),
    after: fc.option(fc.integer({ min: 0, max: 9_000 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.array(outcome, { maxLength: 30 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, outcomes, workers) => {
        const clock = createVirtualClock(0);
        const running = new Set<string>();
        /** When each key was last begun, and when it was last to be begun by. */
        const begunAt = new Map<string, number>();
        const owed = new Map<string, number>();
        const work: Work = async (key) => {
          assert.ok(!running.has(key), `${key} runs twice`);
          assert.ok(running.size < workers);
          running.add(key);
          begunAt.set(key, clock.now());
          const { takesMs, isFailure, after } = outcomes.shift() ?? { takesMs: 0, isFailure: false, after: undefined };
          await new Promise<void>((resolve) => clock.timer(takesMs, resolve));
          running.delete(key);
          if (isFailure) throw new Error('no luck');
          return after === undefined ? undefined : { after };
        };
        const queue = new WorkQueue({ work, workers, clock, log: createLog('json', () => {}), random: () => 0.5 });
        for (const { key, afterMs, pauseMs } of steps) {
          queue.addAfter(key, afterMs);
          owed.set(key, clock.now());
          await clock.advance(pauseMs);
        }
        await clock.runUntilIdle(30 * 86_400_000);
        for (const [key, since] of owed)
          assert.ok((begunAt.get(key) ?? -1) >= since, `${key} was added at ${since} and last begun at ${begunAt.get(key)}`);
        assert.equal(queue.depth() + queue.working(), 0);
        await queue.close();
      },
    ),
    { numRuns: 300 },
  );
});
