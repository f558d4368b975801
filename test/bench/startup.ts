import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spreadOf } from './pairs.ts';
import { type Section, spreadText, table } from './report.ts';

const root = join(import.meta.dirname, '../..');
const EVENTAGENT = join(root, 'bin/eventagent');
const SAMPLE = join(root, 'config/samples/pr-reviewer.yaml');
const DEV = ['dev', SAMPLE, '--offline', '--capture-outputs', '--log', 'json', '--port', '0', '--metrics-port', '0'];

/** How long the command line takes to be of use. */
export async function benchStartup(options: { readonly runs: number }): Promise<Section> {
  const commands = [
    { name: '`eventagent dev`, to its line `ready`, embedded parts', measure: () => msUntilReady() },
    { name: '`eventagent validate`, to its end', measure: () => msToEnd(EVENTAGENT, ['validate', SAMPLE]) },
    { name: 'for comparison, an empty program of Node', measure: () => msToEnd(process.execPath, ['-e', '']) },
  ];
  const rows: string[][] = [];
  for (const { name, measure } of commands) {
    await measure();
    const times: number[] = [];
    for (let run = 0; run < options.runs; run += 1) times.push(await measure());
    rows.push([name, spreadText(spreadOf(times))]);
  }
  return { name: 'startup', text: [`${options.runs} runs each, files in the cache.`, table(['', 'ms'], rows)].join('\n\n') };
}

async function msToEnd(command: string, args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const [code] = (await once(spawn(command, args, { stdio: 'ignore' }), 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
  return performance.now() - startedAt;
}

async function msUntilReady(): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(EVENTAGENT, DEV, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let readyMs: number | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if ((JSON.parse(line) as { readonly msg: string }).msg !== 'ready') continue;
    readyMs = performance.now() - startedAt;
    child.kill('SIGTERM');
  }
  await ended;
  if (readyMs === undefined) throw new Error('eventagent dev was never ready');
  return readyMs;
}
