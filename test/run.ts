import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { nodeBaseImage } from './parts/image-base.ts';
import { clusterVariableOf, sharedControlPlane } from './parts/kubernetes.ts';
import { helmProgram, kubernetesVersions } from './parts/kubernetes-programs.ts';
import { nodeParts } from './parts/node.ts';
import { rabbitVersions, sharedRabbitMq, variableOf } from './parts/rabbitmq.ts';
import { sharedRedis } from './parts/redis.ts';
import { PartUnavailable } from './parts/unavailable.ts';

const USAGE = `usage: node test/run.ts check|all|long [--seeds N] [-- FILE… | NODE-TEST-OPTION=VALUE…]
  check  types, lint, unit tests, repository tests, simulation with 100 seeds and, of its crash points, those on the newest RabbitMQ
  all    types and lint, then every test on real RabbitMQ, Redis and Kubernetes, simulation with 1000 seeds
  long   all, and the *.long.ts files
`;

/** What a command runs. Times are for one file of tests. */
const commands = {
  check: {
    seeds: 100,
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
/** Compiled code, which hundreds of processes share; a starting one spends half of its time on that. https://nodejs.org/docs/latest-v24.x/api/module.html#module-compile-cache */
const compileCache = join(root, 'node_modules/.cache/compile');
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
  const parts = command.parts ? await startParts(request.files) : {};
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

/**
 * Starts one of each part for all test files, and builds what they start themselves, which may take longer than a test has. Of Kubernetes only what the named files need, if any
 * are named. Without CI a part that cannot be had is only told of: its tests are skipped.
 */
async function startParts(files: readonly string[]): Promise<Readonly<Record<string, string>> | undefined> {
  const startedAt = performance.now();
  const needs = neededBy(files);
  const wanted: readonly Promise<readonly [variable: string, value: string] | undefined>[] = [
    ...rabbitVersions.map(async (version) => {
      const { amqpUrl, managementUrl } = await sharedRabbitMq(version);
      return [variableOf(version), `${amqpUrl} ${managementUrl}`] as const;
    }),
    sharedRedis().then(({ url }) => ['EVENTAGENT_TEST_REDIS', url] as const),
    ...(needs('kubernetes.ts') ? kubernetesVersions : []).map(
      async (version) => [clusterVariableOf(version), (await sharedControlPlane(version)).kubeconfig] as const,
    ),
    ...(needs('node.ts') ? [nodeParts, helmProgram] : []).map((build) => build().then(() => undefined)),
    ...(needs('image-base.ts') ? [nodeBaseImage] : []).map((build) => build().then(() => undefined)),
  ];
  const patience = setTimeout(() => process.stdout.write('… parts are fetched and built, which takes minutes the first time\n'), 30_000);
  const found: Record<string, string> = {};
  let missing = 0;
  for (const result of await Promise.allSettled(wanted)) {
    if (result.status === 'fulfilled') {
      if (result.value !== undefined) found[result.value[0]] = result.value[1];
    } else {
      missing += 1;
      const error: unknown = result.reason;
      const text = error instanceof PartUnavailable ? `${error.message}; to have it: ${error.remedy}` : String(error);
      process.stdout.write(`✖ ${text}\n`);
      if (process.env.CI === 'true' || !(error instanceof PartUnavailable)) return undefined;
    }
  }
  clearTimeout(patience);
  process.stdout.write(
    `${missing === 0 ? '✔' : '✖'} ${wanted.length - missing} of ${wanted.length} parts are ready (${seconds(startedAt)})\n`,
  );
  return found;
}

/** Tells of a file of test/parts whether one of the named files imports it, be it by way of others. Where none is named, or what is named is a pattern, all are needed. */
function neededBy(files: readonly string[]): (part: string) => boolean {
  const imported = new Set<string>();
  const visit = (path: string) => {
    if (imported.has(path) || !isFile(path)) return;
    imported.add(path);
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/ from '(\.[^']+)'/g)) if (target) visit(join(dirname(path), target));
  };
  const paths = files.map((file) => resolve(root, file));
  const isAll = paths.length === 0 || !paths.every(isFile);
  if (!isAll) paths.forEach(visit);
  return (part) => isAll || imported.has(join(root, 'test/parts', part));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
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
  const path = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`;
  const env = { NODE_COMPILE_CACHE: compileCache, ...process.env, PATH: path, ...environment };
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
