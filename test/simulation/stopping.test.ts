import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../src/lib/log.ts';
import type { Fate } from './incarnation.ts';
import { createRandom } from './random.ts';
import { takesIt } from './sink.ts';
import { World } from './world.ts';

const lives: Fate = { before: () => false, after: () => false, acknowledging: () => {} };

/** A runner with events in its model, and what it says from the order to stop on, each with the seconds since. */
async function stopping(
  delayMs: number,
  events: number,
  then: (world: World) => void = () => {},
): Promise<{ readonly said: readonly (readonly [number, string, number | undefined, unknown])[]; readonly tookSeconds: number }> {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const world: World = new World({
    profile: '4.3',
    random: createRandom(1),
    model: () => ({ delayMs }),
    sink: () => takesIt,
    concurrency: 4,
    outputs: ['a'],
    log: createLog('json', (line) => lines.push({ ...JSON.parse(line), at: world.clock.now() })),
  });
  await world.declare();
  world.start(
    () => lives,
    () => 1000,
  );
  for (let index = 0; index < events; index += 1) await world.publish(`event-${index}`);
  await world.clock.runUntil(() => lines.filter(({ msg }) => msg === 'run started').length === events, 60_000);
  const before = lines.length;
  const startedAt = world.clock.now();
  let isDone = false;
  then(world);
  void world.runner?.close().then(() => {
    isDone = true;
  });
  await world.clock.runUntil(() => isDone, 600_000);
  const said = lines
    .slice(before)
    .filter(({ msg }) => /stopp/.test(String(msg)))
    .map(
      ({ at, msg, underWay, waitsFor }) =>
        [Math.round((Number(at) - startedAt) / 1000), String(msg), underWay as number, waitsFor] as const,
    );
  return { said, tookSeconds: Math.round((world.clock.now() - startedAt) / 1000) };
}

test('a runner with nothing in hand says that it stops, and does', async () => {
  assert.deepEqual(await stopping(1000, 0), { said: [[0, 'stopping', 0, undefined]], tookSeconds: 0 });
});

test('a runner says how many events are under way, and again while it finishes them', async () => {
  assert.deepEqual(await stopping(25_000, 3), {
    said: [
      [0, 'stopping', 3, undefined],
      [10, 'still stopping', 3, 'the steps under way'],
      [20, 'still stopping', 3, 'the steps under way'],
    ],
    tookSeconds: 25,
  });
});

test('a runner whose steps take too long says that it cuts them', async () => {
  const { said, tookSeconds } = await stopping(200_000, 2);
  const waits = [10, 20, 30, 40, 50].map((at) => [at, 'still stopping', 2, 'the steps under way']);
  assert.deepEqual(said.slice(0, 6), [[0, 'stopping', 2, undefined], ...waits]);
  assert.ok(said.some(([at, msg, underWay]) => at === 60 && msg === 'stopping: the steps under way are cut' && underWay === 2));
  assert.equal(tookSeconds, 60);
});

test('a runner whose store does not answer says that it waits for it, and when it does so no longer', async () => {
  const { said, tookSeconds } = await stopping(1000, 2, (world) => {
    world.storeDown = true;
  });
  const waits = [10, 20, 30, 40, 50].map((at) => [at, 'still stopping', 2, 'the store, which cannot be used']);
  assert.deepEqual(said.slice(0, 6), [[0, 'stopping', 2, undefined], ...waits]);
  assert.ok(
    said.some(
      ([at, msg, underWay]) => at === 80 && msg === 'stopping: what is left is given up; the broker delivers it again' && underWay === 2,
    ),
  );
  assert.equal(tookSeconds, 80);
});
