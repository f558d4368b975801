import { type Profile, startProfile } from './profile.ts';

/** What a process of a benchmark offers to the one that measures. */
export interface Role {
  /** What the others have to know of it, e.g. its address. */
  readonly ready: unknown;
  /** What it can be asked to do. */
  readonly commands: Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;
  close(): Promise<void>;
}

/** What a process has used since it started, or at the moment. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  readonly heapBytes: number;
}

/** One question from the measuring process, and its answer. */
export interface Question {
  readonly id: number;
  readonly command: string;
  readonly argument: unknown;
}

/** What a process answers: once when it is ready (`id` 0), then to each question. */
export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

/** Plays a role in a process of its own, started by `startProcess`: does what it is asked until the measuring process lets go of it. */
export async function playRole(start: (options: unknown) => Promise<Role>): Promise<void> {
  const role = await start(JSON.parse(process.argv[2] ?? 'null'));
  let profile: Profile | undefined;
  const common: Role['commands'] = {
    usage: async () => usage(),
    'heap after collection': async () => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    },
    'start profile': async () => {
      profile = await startProfile();
    },
    'stop profile': async () => profile?.stop(),
  };
  const commands = new Map(Object.entries({ ...role.commands, ...common }));
  process.on('message', (question: Question) => void answer(commands, question));
  process.once('disconnect', () => void role.close().finally(() => process.exit()));
  tell({ id: 0, value: role.ready });
}

async function answer(commands: ReadonlyMap<string, Role['commands'][string]>, { id, command, argument }: Question): Promise<void> {
  try {
    const run = commands.get(command);
    if (run === undefined) throw new Error(`there is no command ${command}`);
    tell({ id, value: await run(argument) });
  } catch (error) {
    tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function tell(message: Answer): void {
  process.send?.(message);
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuMs: (user + system) / 1000,
    rssBytes: rss,
    // `maxRSS` is in kilobytes.
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    heapBytes: heapUsed,
  };
}

function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('the process was not started with --expose-gc');
  // The second one takes what the first has only made free to be taken, e.g. behind finalizers.
  globalThis.gc();
  globalThis.gc();
}
