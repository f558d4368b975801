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
  readonly samples?: readonly number[] | undefined;
  /** Microseconds before each sample. */
  readonly timeDeltas?: readonly number[] | undefined;
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

/** The area that a function belongs to: a folder of `src`, a package, or a part of Node; `undefined` for idleness and for the profiler itself. */
function areaOf(functionName: string, url: string): string | undefined {
  if (functionName === '(idle)' || url === 'node:inspector') return undefined;
  if (functionName === '(garbage collector)') return 'garbage collection';
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  const own = /.*\/(src\/[^/]+)\//.exec(url)?.[1];
  if (own !== undefined) return own;
  if (url.includes('/test/bench/')) return 'benchmark';
  // Without a source, the names are those of Node's handles.
  if (url === '') return functionName.startsWith('write') ? 'writes to sockets and log' : 'engine and native code';
  if (url.includes('http')) return 'Node: http';
  if (url.includes('undici')) return 'Node: fetch';
  return 'Node: streams, events, timers, others';
}
