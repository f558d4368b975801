import { Session } from 'node:inspector/promises';

/** Where a process spent its time: milliseconds of CPU by area. */
export type TimeByArea = Readonly<Record<string, number>>;

/** A CPU profile that is being taken of this process. */
export interface Profile {
  stop(): Promise<TimeByArea>;
}

/** Begins to take a CPU profile of this process. It slows the process down: a round that is profiled is not timed. */
export async function startProfile(): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 500 });
  await session.post('Profiler.start');
  return {
    async stop() {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      return timeByArea(profile);
    },
  };
}

/** What of a profile is read. https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples?: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas?: readonly number[];
}

/** Adds up a profile by area, idle time left out. */
export function timeByArea({ nodes, samples = [], timeDeltas = [] }: CpuProfile): TimeByArea {
  const areas = new Map(nodes.map(({ id, callFrame }) => [id, areaOf(callFrame.functionName, callFrame.url)]));
  const total: Record<string, number> = {};
  samples.forEach((sample, index) => {
    const area = areas.get(sample);
    if (area !== undefined) total[area] = (total[area] ?? 0) + (timeDeltas[index] ?? 0) / 1000;
  });
  return total;
}

/** The area that a function belongs to: a folder of `src`, a package, or a part of Node; `undefined` while nothing is done. */
function areaOf(functionName: string, url: string): string | undefined {
  if (functionName === '(idle)') return undefined;
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)' || functionName === '(root)') return 'system calls and engine';
  const own = /\/src\/([^/]+)\//.exec(url)?.[1];
  if (own !== undefined && !url.includes('node_modules')) return `src/${own}`;
  const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  if (url.includes('/test/bench/')) return 'benchmark';
  if (!url.startsWith('node:')) return 'built-in functions';
  const part = /^node:(?:internal\/)?(?:deps\/)?_?([^/]+)/.exec(url)?.[1] ?? 'other';
  return `node:${part}`;
}
