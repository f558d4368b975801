import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoggedProcess, startLogged } from './logged-process.ts';
import { type MountedSecret, mountSecret } from './mounted-secret.ts';

/** What a pod's container is given: files as the kubelet mounts them. Disposing removes them. */
export interface PodFiles extends Disposable {
  readonly broker: MountedSecret;
  readonly store: MountedSecret;
  /** The agents' Secrets by name. */
  readonly secrets: Readonly<Record<string, MountedSecret>>;
  /** Mounts another Secret of an agent's. */
  mount(name: string, values: Readonly<Record<string, string>>): MountedSecret;
  /** The environment of the container: all that design and chart give it, and `more`. */
  environment(more?: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
  /** The last words of the container, as JSON; `undefined` where it had none. */
  lastWords(): unknown;
}

/** What is in a pod's files. */
export interface PodContent {
  readonly configuration: unknown;
  readonly broker: Readonly<Record<string, string>>;
  readonly store?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Writes the files of a pod. A text as the configuration is written as it is. */
export function podFiles({ configuration, broker, store = {}, secrets = {} }: PodContent): PodFiles {
  const folder = mkdtempSync(join(tmpdir(), 'eventagent-pod-'));
  const at = (...path: readonly string[]) => join(folder, ...path);
  writeFileSync(at('configuration.json'), typeof configuration === 'string' ? configuration : JSON.stringify(configuration));
  const mount = (name: string, values: Readonly<Record<string, string>>) => mountSecret(at('secrets', name), values);
  return {
    broker: mountSecret(at('broker'), broker),
    store: mountSecret(at('store'), store),
    secrets: Object.fromEntries(Object.entries(secrets).map(([name, values]) => [name, mount(name, values)])),
    mount,
    environment: (more = {}) => ({
      EVENTAGENT_CONFIGURATION: at('configuration.json'),
      EVENTAGENT_CONFIGURATION_NAME: 'test-configuration',
      EVENTAGENT_SECRETS_DIR: at('secrets'),
      EVENTAGENT_BROKER_DIR: at('broker'),
      EVENTAGENT_STORE_DIR: at('store'),
      EVENTAGENT_PORT: '0',
      EVENTAGENT_METRICS_PORT: '0',
      EVENTAGENT_PRESTOP_SECONDS: '0',
      EVENTAGENT_TERMINATION_LOG: at('termination-log'),
      ...more,
    }),
    lastWords: () => {
      try {
        return JSON.parse(readFileSync(at('termination-log'), 'utf8')) as unknown;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A process of ours as it runs in a pod. */
export interface PodProcess extends LoggedProcess {
  /** Of the gateway. */
  readonly gatewayUrl: string;
  /** Scheme, host and port of `/metrics`, `/readyz` and the like. */
  readonly metricsUrl: string;
  /** Waits until it says that it is ready. */
  untilReady(timeoutMs?: number): Promise<void>;
  /** The status and text of `/readyz`. */
  readyz(): Promise<readonly [number, string]>;
}

/** How long a process may take to come up on a busy machine. */
const UP_MS = 60_000;

const srcOf = (name: string) => join(import.meta.dirname, `../../src/${name}/start.ts`);

/** Starts a process of ours and waits until it listens. Rejects with what it said where it ends instead. */
export async function startPodProcess(name: 'gateway' | 'runner' | 'redrive', environment: NodeJS.ProcessEnv): Promise<PodProcess> {
  const child = startLogged([srcOf(name)], environment);
  const listening = () => child.lines().find(({ msg }) => msg === 'listening');
  try {
    await child.until(`the ${name} listens`, () => listening() !== undefined, UP_MS);
  } catch (error) {
    await child.kill();
    throw error;
  }
  const line = listening();
  if (line === undefined) throw new Error(`the ${name} ended with ${await child.exit}: ${child.stderr()}`);
  const metricsUrl = `http://127.0.0.1:${line.metricsPort}`;
  return {
    ...child,
    gatewayUrl: `http://127.0.0.1:${line.port}`,
    metricsUrl,
    untilReady: async (timeoutMs = UP_MS) => {
      await child.until(`the ${name} is ready`, (lines) => lines.some(({ msg }) => msg === 'ready'), timeoutMs);
      if (child.hasEnded()) throw new Error(`the ${name} ended with ${await child.exit}: ${child.stderr()}`);
    },
    readyz: async () => {
      if (child.hasEnded()) throw new Error(`the ${name} has ended with ${await child.exit}: ${child.stderr()}`);
      const response = await fetch(`${metricsUrl}/readyz`);
      return [response.status, (await response.text()).trim()];
    },
  };
}

/** Runs a process of ours that is to end by itself; what it left behind. */
export async function runPodProcess(
  name: 'gateway' | 'runner' | 'redrive',
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  await using child = startLogged([srcOf(name)], environment);
  await child.until(`the ${name} ends`, () => false, UP_MS);
  return { code: await child.exit, stderr: child.stderr() };
}
