import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createVirtualClock, type VirtualClock } from '../../test/support/virtual-clock.ts';
import { createLog } from '../lib/log.ts';
import type { KubeClient, ObjectList, WatchEvent, WatchOptions } from './client.ts';
import { KubeError } from './kube-error.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { type ObjectHead, resources } from './resources.ts';

const pod = (name: string, resourceVersion: string): ObjectHead => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'a', name, uid: `uid of ${name}`, resourceVersion },
});
const event = (type: WatchEvent['type'], name: string, resourceVersion: string): WatchEvent => ({
  type,
  object: pod(name, resourceVersion),
});
const listOf = (resourceVersion: string, ...items: readonly ObjectHead[]): ObjectList<ObjectHead> => ({ items, resourceVersion });

/** A watch that is open; the test is its server. */
interface OpenWatch {
  readonly options: WatchOptions;
  readonly tell: (...events: readonly WatchEvent[]) => void;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

interface World {
  readonly clock: VirtualClock;
  readonly reflector: Reflector<ObjectHead>;
  /** The calls so far, with their times in seconds. */
  readonly calls: string[];
  readonly told: string[];
  readonly lines: string[];
  /** What the next lists answer; the last one repeats. */
  readonly lists: (ObjectList<ObjectHead> | Error)[];
  /** What the next watches are refused with, before one opens. */
  readonly refusals: Error[];
  /** The watch that is open now, after everything that is due has happened. */
  watch(): Promise<OpenWatch>;
}

function world(t: TestContext, options: Partial<ReflectorOptions<ObjectHead>> = {}): World {
  const clock = createVirtualClock(0);
  const [calls, told, lines, lists, refusals]: [string[], string[], string[], World['lists'], Error[]] = [[], [], [], [], []];
  let open: OpenWatch | undefined;
  const at = () => (clock.now() / 1000).toFixed(1);
  const client: Pick<KubeClient, 'list' | 'watch'> = {
    list: async <T extends ObjectHead>() => {
      calls.push(`${at()} list`);
      const answer = lists.length > 1 ? lists.shift() : lists[0];
      if (answer instanceof Error || answer === undefined) throw answer ?? new Error('no list');
      return answer as ObjectList<T>;
    },
    watch: (_, watchOptions, onEvent, signal) => {
      calls.push(`${at()} watch ${watchOptions.resourceVersion}`);
      const refusal = refusals.shift();
      if (refusal !== undefined) return Promise.reject(refusal);
      watchOptions.onOpen?.();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      open = { options: watchOptions, tell: (...events) => events.forEach(onEvent), end: resolve, fail: reject };
      return promise.finally(() => {
        open = undefined;
      });
    },
  };
  const reflector = new Reflector<ObjectHead>({
    client,
    resource: resources.pods,
    clock,
    log: createLog('json', (line) => lines.push(line)),
    random: () => 0,
    ...options,
  });
  reflector.onChange((key, now, before) => told.push(`${key} ${before?.metadata.resourceVersion} -> ${now?.metadata.resourceVersion}`));
  t.after(() => reflector.close());
  return {
    clock,
    reflector,
    calls,
    told,
    lines,
    lists,
    refusals,
    async watch() {
      await clock.advance(0);
      return open ?? assert.fail(`no watch is open after ${calls.join(', ')}`);
    },
  };
}

const unreachable = new KubeError('Unreachable', 'no answer');
const gone = new KubeError('Gone', 'too old resource version', { status: 410 });

test('a list, then what happens after it', async (t) => {
  const { reflector, lists, told, watch } = world(t);
  lists.push(listOf('10', pod('x', '3'), pod('y', '4')));
  assert.equal(reflector.state().synced, false);
  await reflector.synced;
  assert.equal(reflector.state().synced, true);
  const { options, tell } = await watch();
  assert.equal(options.resourceVersion, '10');
  assert.deepEqual(reflector.list('a'), [pod('x', '3'), pod('y', '4')]);
  tell(event('MODIFIED', 'x', '11'), event('DELETED', 'y', '12'), event('ADDED', 'z', '13'));
  assert.deepEqual(told, ['a/x undefined -> 3', 'a/y undefined -> 4', 'a/x 3 -> 11', 'a/y 4 -> undefined', 'a/z undefined -> 13']);
  assert.deepEqual(reflector.get('a', 'x'), pod('x', '11'));
  assert.equal(reflector.get('a', 'y'), undefined);
  assert.deepEqual(reflector.state(), { synced: true, watching: true, error: undefined });
});

test('a watch that the server ends goes on where it was, by the last event or bookmark', async (t) => {
  const { lists, calls, told, watch, clock } = world(t);
  lists.push(listOf('10'));
  (await watch()).tell(event('ADDED', 'x', '11'));
  (await watch()).end();
  (await watch()).tell(event('BOOKMARK', '', '20'));
  (await watch()).end();
  await watch();
  await clock.advance(2_000);
  (await watch()).end();
  await watch();
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '0.0 watch 11', '0.0 watch 20', '2.0 watch 20']);
  assert.deepEqual(told, ['a/x undefined -> 11'], 'a bookmark is no object');
});

test('the server is asked for watches of different lengths', async (t) => {
  for (const [random, seconds] of [
    [0, 240],
    [0.5, 270],
    [0.9999, 300],
  ] as const) {
    const { lists, watch } = world(t, { random: () => random, selection: { namespace: 'a', labelSelector: 'x=y' }, idleMs: 7 });
    lists.push(listOf('10'));
    const { onOpen: _, ...options } = (await watch()).options;
    assert.deepEqual(options, { namespace: 'a', labelSelector: 'x=y', resourceVersion: '10', timeoutSeconds: seconds, idleMs: 7 });
  }
});

test('after a lost connection it goes on where it was, after a pause that grows', async (t) => {
  const { lists, refusals, calls, watch, clock, reflector } = world(t);
  lists.push(listOf('10'));
  (await watch()).tell(event('ADDED', 'x', '11'));
  refusals.push(unreachable, unreachable, unreachable);
  (await watch()).fail(unreachable);
  await clock.advance(0);
  assert.deepEqual(reflector.state(), { synced: true, watching: false, error: unreachable });
  await clock.advance(20_000);
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '0.8 watch 11', '2.4 watch 11', '5.6 watch 11', '12.0 watch 11']);
  assert.deepEqual(reflector.state(), { synced: true, watching: true, error: undefined });
});

test('a pause is no longer than 30 s, and long trouble ends with a new list', async (t) => {
  const { lists, refusals, calls, watch, clock } = world(t, { random: () => 0.999_999 });
  lists.push(listOf('10'));
  refusals.push(...Array.from({ length: 7 }, () => unreachable));
  await clock.advance(200_000);
  await watch();
  const times = calls.map((call) => Number(call.split(' ')[0]));
  assert.deepEqual(
    times.slice(1).map((time, index) => Math.round(time - (times[index] ?? 0))),
    [0, 2, 3, 6, 13, 26, 0, 30, 30],
  );
  assert.equal(calls.filter((call) => call.endsWith('list')).length, 2, calls.join(', '));
});

test('the first event ends a row of failures', async (t) => {
  const { lists, refusals, calls, watch, clock } = world(t);
  lists.push(listOf('10'));
  refusals.push(unreachable, unreachable);
  await clock.advance(3_000);
  (await watch()).tell(event('ADDED', 'x', '11'));
  (await watch()).fail(unreachable);
  await clock.advance(1_000);
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '0.8 watch 10', '2.4 watch 10', '3.8 watch 11']);
});

test('so does a watch that lasts, though nothing happens', async (t) => {
  const { lists, refusals, calls, watch, clock } = world(t);
  lists.push(listOf('10'));
  refusals.push(unreachable, unreachable);
  await clock.advance(2_400 + 9_000);
  (await watch()).fail(unreachable);
  await clock.advance(3_200 + 10_000);
  (await watch()).fail(unreachable);
  await clock.advance(1_000);
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '0.8 watch 10', '2.4 watch 10', '14.6 watch 10', '25.4 watch 10']);
});

test('the API server is left alone for as long as it asks', async (t) => {
  const { lists, refusals, calls, watch, clock } = world(t);
  lists.push(listOf('10'));
  refusals.push(new KubeError('Throttled', 'slowly', { retryAfterMs: 7_000 }));
  await clock.advance(7_000);
  await watch();
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '7.0 watch 10']);
});

test('an expired watch means a new list at once, which shows what was missed', async (t) => {
  const { lists, calls, told, watch, reflector } = world(t);
  lists.push(listOf('10', pod('x', '3'), pod('y', '4')), listOf('20', pod('y', '15'), pod('z', '16')));
  const { fail } = await watch();
  told.length = 0;
  fail(gone);
  await watch();
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '0.0 list', '0.0 watch 20']);
  assert.deepEqual(told, ['a/x 3 -> undefined', 'a/y 4 -> 15', 'a/z undefined -> 16']);
  assert.deepEqual(reflector.list(), [pod('y', '15'), pod('z', '16')]);
});

test('an expired watch means a new list at once also after an outage', async (t) => {
  const { lists, refusals, calls, watch, clock } = world(t);
  lists.push(listOf('10'));
  refusals.push(unreachable, unreachable, gone);
  await clock.advance(2_400);
  await watch();
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '0.8 watch 10', '2.4 watch 10', '2.4 list', '2.4 watch 10']);
});

test('a list that cannot be watched from is not made as fast as it can', async (t) => {
  const { lists, refusals, calls, watch, clock } = world(t);
  lists.push(listOf('10'));
  refusals.push(gone, gone, gone);
  await clock.advance(10_000);
  await watch();
  assert.deepEqual(
    calls.filter((call) => call.endsWith('list')),
    ['0.0 list', '0.0 list', '1.6 list', '4.8 list'],
  );
});

test('a watch that ends at once without a word is a failure', async (t) => {
  const { lists, calls, watch, clock } = world(t);
  lists.push(listOf('10'));
  (await watch()).end();
  await clock.advance(800);
  (await watch()).end();
  await clock.advance(1_600);
  await watch();
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '0.8 watch 10', '2.4 watch 10']);
});

test('a watch that breaks off once is nothing to speak of; twice in a row is', async (t) => {
  const { lists, refusals, lines, watch, clock } = world(t);
  lists.push(listOf('10'));
  (await watch()).fail(unreachable);
  await clock.advance(800);
  await clock.advance(10_000);
  (await watch()).tell(event('ADDED', 'x', '11'));
  assert.deepEqual(lines, []);
  refusals.push(unreachable);
  (await watch()).fail(unreachable);
  await clock.advance(0);
  await clock.advance(1000);
  assert.match(lines.join(''), /"failures":2,.*objects cannot be followed/);
  await clock.advance(1600);
  (await watch()).tell(event('ADDED', 'y', '12'));
  assert.match(lines.join(''), /objects are followed again/);
});

test('a list that fails is tried again, and says why', async (t) => {
  const { lists, calls, lines, watch, clock, reflector } = world(t);
  const forbidden = new KubeError('Forbidden', 'listing pods: pods is forbidden', { status: 403 });
  lists.push(forbidden, new Error('something else'), listOf('10'));
  await clock.advance(0);
  assert.deepEqual(reflector.state(), { synced: false, watching: false, error: forbidden });
  assert.match(lines.join(''), /"code":"Forbidden","error":"listing pods: pods is forbidden"/);
  await clock.advance(2_400);
  await watch();
  await reflector.synced;
  assert.deepEqual(calls, ['0.0 list', '0.8 list', '2.4 list', '2.4 watch 10']);
});

test('once in a while the list is made anew though nothing failed', async (t) => {
  const { lists, calls, told, watch, clock } = world(t);
  lists.push(listOf('10'), listOf('10', pod('missed', '5')));
  await clock.advance(3_599_000);
  (await watch()).end();
  await clock.advance(1_000);
  (await watch()).end();
  await watch();
  assert.deepEqual(calls, ['0.0 list', '0.0 watch 10', '3599.0 watch 10', '3600.0 list', '3600.0 watch 10']);
  assert.deepEqual(told, ['a/missed undefined -> 5']);
});

test('a listener that throws keeps nobody else from hearing, and is logged', async (t) => {
  const { lists, reflector, lines, watch } = world(t);
  const heard: string[] = [];
  lists.push(listOf('10', pod('x', '3')));
  const stop = reflector.onChange(() => {
    throw new Error('broken listener');
  });
  reflector.onChange((key) => heard.push(key));
  (await watch()).tell(event('MODIFIED', 'x', '11'));
  assert.deepEqual(heard, ['a/x', 'a/x']);
  assert.match(lines.join(''), /"key":"a\/x","error":"broken listener"/);
  lines.length = 0;
  stop();
  (await watch()).tell(event('MODIFIED', 'x', '12'));
  assert.deepEqual(lines, []);
  assert.deepEqual(reflector.get('a', 'x'), pod('x', '12'));
});

test('only what is wanted of an object is kept, and never who manages its fields', async (t) => {
  const { lists, reflector, watch } = world(t, {
    keep: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }),
  });
  const large = (name: string, version: string) => {
    const lean = pod(name, version);
    return { ...lean, spec: { containers: [] }, metadata: { ...lean.metadata, managedFields: [{}] } };
  };
  lists.push(listOf('10', large('x', '3')));
  (await watch()).tell({ type: 'ADDED', object: large('y', '11') });
  assert.deepEqual(reflector.list(), [pod('x', '3'), pod('y', '11')]);
});

test('closing ends a watch, a pause and a list, and leaves nothing behind', async (t) => {
  const watching = world(t);
  watching.lists.push(listOf('10', pod('x', '3')));
  const { tell } = await watching.watch();
  await watching.reflector.close();
  const heard = watching.told.length;
  tell(event('ADDED', 'late', '11'));
  assert.equal(watching.told.length, heard);
  await watching.reflector.synced;

  const pausing = world(t);
  pausing.lists.push(unreachable);
  await pausing.clock.advance(0);
  await pausing.reflector.close();
  await assert.rejects(pausing.reflector.synced, /closed/);

  for (const { clock, calls } of [watching, pausing]) {
    assert.equal(clock.pending, 0);
    const made = calls.length;
    await clock.advance(100_000);
    assert.equal(calls.length, made);
  }
});
