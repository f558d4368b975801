import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { bareEnvironment } from './bare-environment.ts';
import { type LoggedProcess, type LogLine, startLogged } from './logged-process.ts';

export type { LogLine };

/** A running `eventagent dev`. */
export interface DevProcess extends LoggedProcess {
  /** Of the gateway. */
  readonly gatewayUrl: string;
  readonly metricsUrl: string;
}

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** A command that has not ended by itself by then is killed, and has no exit code. */
const CLI_DEADLINE_MS = 120_000;

/** Runs the command line to its end. */
export async function runCli(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: bareEnvironment(environment),
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
  const child = startLogged([MAIN, 'dev', ...args, '--log', 'json', '--port', '0', '--metrics-port', '0'], environment);
  const ready = () => child.lines().find(({ msg }) => msg === 'ready');
  try {
    await child.until('dev is ready', () => ready() !== undefined, 60_000);
  } catch (error) {
    await child.kill();
    throw error;
  }
  const line = ready();
  if (line === undefined) throw new Error(`dev ended with ${await child.exit} before it was ready: ${child.stderr()}`);
  return { ...child, gatewayUrl: String(line.gateway), metricsUrl: String(line.metrics) };
}

/** A folder of manifests that goes when it is disposed of. */
export async function manifestFolder(documents: readonly object[]): Promise<AsyncDisposable & { readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-manifest-'));
  const file = join(folder, 'agents.yaml');
  await writeFile(file, documents.map((document) => `---\n${stringify(document)}`).join(''));
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
