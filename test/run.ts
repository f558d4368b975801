import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { rabbitVersions, sharedRabbitMq, variableOf } from './parts/rabbitmq.ts';
import { sharedRedis } from './parts/redis.ts';
import { PartUnavailable } from './parts/unavailable.ts';

const USAGE = `usage: node test/run.ts check|all|long [--seeds N] [-- FILE… | NODE-TEST-OPTION=VALUE…]
  check  types, lint, unit tests, repository tests, simulation with 200 seeds
  all    types and lint, then every test on real RabbitMQ and Redis, simulation with 1000 seeds
  long   all, and the *.long.ts files
`;

/** What a command runs. Times are for one file of tests. */
const commands = {
  check: {
    seeds: 200,
    timeoutMs: 60_000,
    parts: false,
    files: ['src/**/*.test.ts', 'test/repo/**/*.test.ts', 'test/simulation/**/*.test.ts'],
  },
  all: { seeds: 1000, timeoutMs: 300_000, parts: true, files: ['src/**/*.test.ts', ...testFolders('test.ts')] },
  long: {
    seeds: 1000,
    timeoutMs: 3_600_000,
    parts: true,
    files: ['src/**/*.test.ts', ...testFolders('test.ts'), ...testFolders('long.ts')],
  },
} as const;

const root = join(import.meta.dirname, '..');
const children = new Set<ChildProcess>();
process.exitCode = await main(process.argv.slice(2));
// Servers that were started end with this process, and the handles that wait for their end must not keep it alive.
process.exit();

async function main(args: readonly string[]): Promise<number> {
  const request = parse(args);
  if (request === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
  const command = commands[request.name];
  const [types, lint] = await Promise.all([runTool('tsc', '-p', '.'), runTool('biome', 'check', '.')]);
  if (!types || !lint) return 1;
  const parts = command.parts ? await startParts() : {};
  if (parts === undefined) return 1;
  return await runTests(request, { ...parts, EVENTAGENT_SIMULATION_SEEDS: String(request.seeds ?? command.seeds) });
}

interface Request {
  readonly name: keyof typeof commands;
  readonly seeds: number | undefined;
  readonly files: readonly string[];
  readonly options: readonly string[];
}

function parse(args: readonly string[]): Request | undefined {
  const cut = args.indexOf('--');
  const [name, ...own] = cut < 0 ? args : args.slice(0, cut);
  const rest = cut < 0 ? [] : args.slice(cut + 1);
  if (name !== 'check' && name !== 'all' && name !== 'long') return undefined;
  const [flag, count, ...surplus] = own;
  const seeds = flag === undefined ? undefined : Number(count);
  if (surplus.length > 0 || (flag !== undefined && (flag !== '--seeds' || !Number.isSafeInteger(seeds) || Number(seeds) < 1)))
    return undefined;
  return { name, seeds, files: rest.filter((arg) => !arg.startsWith('-')), options: rest.filter((arg) => arg.startsWith('-')) };
}

/** Every folder of tests but the benchmarks. */
function testFolders(ending: string): readonly string[] {
  return readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'bench')
    .map(({ name }) => `test/${name}/**/*.${ending}`);
}

/** Runs a development tool to its end and shows what it said where it is not content. */
async function runTool(name: string, ...args: readonly string[]): Promise<boolean> {
  const startedAt = performance.now();
  const child = start(join(root, 'node_modules/.bin', name), args, {}, 'pipe');
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await endOf(child);
  process.stdout.write(`${code === 0 ? '✔' : '✖'} ${name} ${args.join(' ')} (${seconds(startedAt)})\n`);
  if (code !== 0) process.stdout.write(Buffer.concat(output));
  return code === 0;
}

/** Starts one of each part for all test files. Without CI a part that cannot be had is only told of: its tests are skipped. */
async function startParts(): Promise<Readonly<Record<string, string>> | undefined> {
  const startedAt = performance.now();
  const wanted = [
    ...rabbitVersions.map(async (version) => {
      const { amqpUrl, managementUrl } = await sharedRabbitMq(version);
      return [variableOf(version), `${amqpUrl} ${managementUrl}`] as const;
    }),
    sharedRedis().then(({ url }) => ['EVENTAGENT_TEST_REDIS', url] as const),
  ];
  const found: Record<string, string> = {};
  let complete = true;
  for (const result of await Promise.allSettled(wanted)) {
    if (result.status === 'fulfilled') {
      const [variable, value] = result.value;
      found[variable] = value;
    } else {
      complete = false;
      const error: unknown = result.reason;
      const text = error instanceof PartUnavailable ? `${error.message}; to have it: ${error.remedy}` : String(error);
      process.stdout.write(`✖ ${text}\n`);
      if (process.env.CI === 'true' || !(error instanceof PartUnavailable)) return undefined;
    }
  }
  process.stdout.write(
    `${complete ? '✔' : '✖'} ${Object.keys(found).length} of ${wanted.length} servers started (${seconds(startedAt)})\n`,
  );
  return found;
}

async function runTests(request: Request, environment: Readonly<Record<string, string>>): Promise<number> {
  const command = commands[request.name];
  const options = [
    '--test',
    // Also where the output is no terminal.
    '--test-reporter=spec',
    `--test-concurrency=${Math.min(4, Math.max(2, availableParallelism()))}`,
    `--test-timeout=${command.timeoutMs}`,
  ];
  const files = request.files.length > 0 ? request.files : command.files;
  return await endOf(start(process.execPath, [...options, ...request.options, ...files], environment, 'inherit'));
}

function start(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  output: 'pipe' | 'inherit',
): ChildProcess {
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`, ...environment };
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', output, output] });
  children.add(child);
  return child;
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      children.delete(child);
      resolve(code ?? 1);
    });
  });
}

/** Ends what was started, first what may need a server, and this process with it. */
function stop(signal: 'SIGINT' | 'SIGTERM'): void {
  for (const child of children) child.kill('SIGTERM');
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
