import { createLog } from '../../src/lib/log.ts';
import type { Fate } from './incarnation.ts';
import { createRandom } from './random.ts';
import { takesIt } from './sink.ts';
import { type Replica, World, type WorldOptions } from './world.ts';

/** A process that nothing happens to. */
export const unharmed: Fate = { before: () => false, after: () => false, acknowledging: () => {} };

/** A process that dies just before the first of these calls; the next one in its place dies before the second of them, and so on. */
export function diesAt(...calls: readonly string[]): Fate {
  const left = [...calls];
  const before = (call: string) => {
    if (call !== left[0]) return false;
    left.shift();
    return true;
  };
  return { ...unharmed, before };
}

/** One line of a runner's log. */
export type Line = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A world in which all goes well, but for what a test does to it. */
export interface Stage {
  readonly world: World;
  /** What its runners said so far, with the simulated time as `at`. */
  readonly lines: readonly Line[];
  /** Starts a process. Restarted after a second where its fate kills it. */
  start(fate?: Fate): Replica;
}

/** A world with one output and a model that answers after a second, unless it is told otherwise; its queues are declared. */
export async function stageOf(options: Partial<WorldOptions> = {}): Promise<Stage> {
  const lines: Line[] = [];
  const world: World = new World({
    profile: '4.3',
    random: createRandom(1),
    model: () => ({ delayMs: 1000 }),
    sink: () => takesIt,
    concurrency: 1,
    outputs: ['out'],
    log: createLog('json', (line) => lines.push({ ...(JSON.parse(line) as Line), at: world.clock.now() })),
    ...options,
  });
  await world.declare();
  const start = (fate = unharmed) =>
    world.start(
      () => fate,
      () => 1000,
    );
  return { world, lines, start };
}

/** Calls a function one time after another with the next item; the last stays. */
export function inTurn<T>(items: readonly [T, ...T[]]): () => T {
  const left = [...items];
  return () => (left.length > 1 ? left.shift() : left[0]) ?? items[0];
}
