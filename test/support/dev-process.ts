import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createWatchable } from './until.ts';

/** One JSON line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A running `eventagent dev`. */
export interface DevProcess extends AsyncDisposable {
  readonly pid: number;
  /** Of the gateway; known once it is ready. */
  readonly gatewayUrl: string;
  readonly metricsUrl: string;
  lines(): readonly LogLine[];
  /** Everything on standard error. */
  stderr(): string;
  until(what: string, condition: (lines: readonly LogLine[]) => boolean, timeoutMs?: number): Promise<void>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** The exit code, once it has ended. */
  readonly exit: Promise<number | null>;
}

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** A command that has not ended by itself by then is killed, and has no exit code. */
const CLI_DEADLINE_MS = 60_000;

/** Runs the command line to its end. */
export async function runCli(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      output[stream] += chunk;
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), CLI_DEADLINE_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, ...output };
}

/** Starts `eventagent dev` on free ports, with JSON lines for a log, and waits until it is ready. It is killed when it is disposed of. */
export async function startDev(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<DevProcess> {
  const child = spawn(process.execPath, [MAIN, 'dev', ...args, '--log', 'json', '--port', '0', '--metrics-port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  });
  const lines: LogLine[] = [];
  const watchable = createWatchable();
  let stderr = '';
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((line) => JSON.parse(line) as LogLine));
    watchable.changed();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  let ended = false;
  const exit = once(child, 'close').then(([code]) => {
    ended = true;
    watchable.changed();
    return code as number | null;
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await exit;
  };
  const ready = () => lines.find(({ msg }) => msg === 'ready');
  try {
    await watchable.until('dev is ready', () => ended || ready() !== undefined, 30_000);
  } catch (error) {
    await kill();
    throw error;
  }
  const line = ready();
  if (line === undefined) throw new Error(`dev ended with ${await exit} before it was ready: ${stderr}`);
  return {
    pid: child.pid ?? 0,
    gatewayUrl: String(line.gateway),
    metricsUrl: String(line.metrics),
    lines: () => lines,
    stderr: () => stderr,
    until: (what, condition, timeoutMs) => watchable.until(what, () => condition(lines), timeoutMs),
    kill,
    signal: (name) => void child.kill(name),
    exit,
    [Symbol.asyncDispose]: kill,
  };
}

/** A folder of manifests that goes when it is disposed of. */
export async function manifestFolder(documents: readonly object[]): Promise<AsyncDisposable & { readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-manifest-'));
  const file = join(folder, 'agents.yaml');
  await writeFile(file, documents.map((document) => `---\n${stringify(document)}`).join(''));
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
