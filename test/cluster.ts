import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder, lock } from './parts/cache.ts';
import { buildImage } from './parts/image.ts';
import { NODE_IMAGE } from './parts/image-base.ts';
import { helmProgram } from './parts/kubernetes-programs.ts';
import { importImage, nodeParts, startNode } from './parts/node.ts';
import { lastLines } from './parts/private-process.ts';
import { PartUnavailable } from './parts/unavailable.ts';
import { eventually } from './support/eventually.ts';

const USAGE = `usage: node test/cluster.ts up|image|down
  up     starts a Kubernetes of one node that stays, and says how to use it
  image  builds the image of this checkout and makes it known to the node
  down   ends it and removes all that it had
`;

const IMAGE = 'localhost/eventagent:dev';

/** What is written down of a cluster that runs. */
interface Running {
  /** Of the process that holds the cluster. */
  readonly pid: number;
  /** Of the node. */
  readonly node: number;
  readonly address: string;
  readonly kubectl: string;
  readonly helm: string;
}

/** Of the one cluster that a person has; tests of this file have another. */
const folder = process.env.EVENTAGENT_CLUSTER ?? join(cacheFolder(), 'cluster');
const files = { running: join(folder, 'running.json'), kubeconfig: join(folder, 'kubeconfig'), log: join(folder, 'output.log') } as const;

const commands: Readonly<Record<string, () => Promise<void>>> = { up, image, down, hold };
const [name = '', ...surplus] = process.argv.slice(2);
const command = surplus.length === 0 && Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  try {
    await command();
  } catch (error) {
    const text = error instanceof PartUnavailable ? `${error.message}\nto have it: ${error.remedy}` : String(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = 1;
  }
}

async function up(): Promise<void> {
  const found = (await running()) ?? (await start());
  const programs = [found.kubectl, found.helm].map((path) => dirname(path)).join(':');
  process.stdout.write(`A Kubernetes of one node runs until \`npm run cluster -- down\`. To use it:

  export KUBECONFIG=${files.kubeconfig} PATH=${programs}:$PATH
  kubectl get nodes

\`npm run cluster -- image\` gives it the image of this checkout. Pods know this machine as ${found.address}, and reach nothing beyond it.
`);
}

/** Starts the process that holds the cluster, and waits until that has written down what it holds. */
async function start(): Promise<Running> {
  // What takes minutes the first time, and what may be missing, is told here.
  await nodeParts();
  await helmProgram();
  await mkdir(folder, { recursive: true });
  await using _ = await lock(`${folder}.lock`);
  const other = await running();
  if (other !== undefined) return other;
  const log = await open(files.log, 'w');
  const child = spawn(process.execPath, [import.meta.filename, 'hold'], { stdio: ['ignore', log.fd, log.fd], detached: true });
  await log.close();
  let hasEnded = false;
  child.once('exit', () => {
    hasEnded = true;
  });
  const found = await eventually('the cluster runs', async () => hasEnded || (await running()), 180_000);
  if (found === true) throw new Error(`the cluster did not start: ${await lastLines(files.log)}`);
  child.unref();
  return found;
}

/** Holds a cluster until it is told to end. */
async function hold(): Promise<void> {
  const told = new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
  await using node = await startNode();
  await copyFile(node.controlPlane.kubeconfig, files.kubeconfig);
  const { kubectl } = node.controlPlane;
  const state: Running = { pid: process.pid, node: node.pid, address: node.address, kubectl, helm: await helmProgram() };
  await writeFile(`${files.running}.new`, JSON.stringify(state));
  await rename(`${files.running}.new`, files.running);
  const alive = setInterval(() => {}, 1_000_000);
  await told;
  clearInterval(alive);
}

async function image(): Promise<void> {
  const found = await running();
  if (found === undefined) throw new Error('no cluster runs: start one with `npm run cluster -- up`');
  const context = join(import.meta.dirname, '..');
  await using built = await buildImage({ dockerfile: join(context, 'Dockerfile'), context, tag: IMAGE, buildArgs: { NODE_IMAGE } });
  await importImage(found.node, built.archive);
  process.stdout.write(`The node has the image ${IMAGE}.\n`);
}

async function down(): Promise<void> {
  const found = await running();
  if (found !== undefined) {
    process.kill(found.pid, 'SIGTERM');
    const isGone = async () => !existsSync(`/proc/${found.pid}`);
    // Killed, it takes all along but files, which whoever starts a cluster next removes.
    await eventually('the cluster has ended', isGone, 30_000).catch(() => process.kill(found.pid, 'SIGKILL'));
  }
  await rm(folder, { recursive: true, force: true });
  process.stdout.write(found === undefined ? 'No cluster runs.\n' : 'The cluster has ended.\n');
}

/** What was written down, if the process that has done so still runs. */
async function running(): Promise<Running | undefined> {
  const text = await readFile(files.running, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const found = JSON.parse(text) as Running;
  const commandLine = await readFile(`/proc/${found.pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(import.meta.filename) ? found : undefined;
}
