import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastLines, type PrivateProcess } from './private-process.ts';

/** A program of this machine that runs on beside us. */
export interface DaemonPlan {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The file that takes what it prints. */
  readonly log: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whether it answers already; asked again and again after the start. */
  readonly isReady?: () => Promise<boolean>;
  readonly startDeadlineMs?: number;
}

/** Programs that work together in one folder, by their names. They end with this process. */
export interface Daemons {
  readonly folder: string;
  /** Starts one and waits until it is ready. Its log is `<name>.log` in the folder. */
  start(name: string, command: DaemonPlan['command'], isReady?: () => Promise<boolean>): Promise<void>;
  /** SIGKILL, if it runs; resolves when it is gone. */
  kill(name: string): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(name: string): void;
  resume(name: string): void;
  /** Kills all, the last started first, and removes the folder. May be repeated. */
  close(): Promise<void>;
}

/** Takes over a folder for programs that `label` says the purpose of. */
export function daemonsIn(folder: string, label: string): Daemons {
  const running = new Map<string, PrivateProcess>();
  const onExit = () => {
    for (const daemon of running.values()) daemon.killNow();
    try {
      // What was killed may still be about to end. What cannot be removed is swept up later.
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    } catch {}
  };
  process.once('exit', onExit);
  const kill = async (name: string) => {
    await running.get(name)?.kill();
    running.delete(name);
  };
  return {
    folder,
    async start(name, command, isReady = async () => true) {
      await kill(name);
      running.set(name, await startDaemon({ name: `${name} of ${label}`, command, log: join(folder, `${name}.log`), isReady }));
    },
    kill,
    pause: (name) => running.get(name)?.pause(),
    resume: (name) => running.get(name)?.resume(),
    async close() {
      for (const name of [...running.keys()].reverse()) await kill(name);
      process.off('exit', onExit);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a program and waits until it is ready. It dies with this process, even with a killed one (prctl(2), PR_SET_PDEATHSIG); what it starts itself does not. */
export async function startDaemon(plan: DaemonPlan): Promise<PrivateProcess & { readonly pid: number }> {
  const output = await open(plan.log, 'a');
  // A session of its own: the terminal's interrupt is for us, and we end it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...plan.command], {
    env: plan.environment ?? process.env,
    stdio: ['ignore', output.fd, output.fd],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  await output.close();
  child.unref();
  const killNow = () => void child.kill('SIGKILL');
  const kill = async () => {
    child.ref();
    killNow();
    await ended;
  };
  const { pid } = child;
  if (pid === undefined) throw new Error(`${plan.name} did not start: setpriv (util-linux) is missing`);
  try {
    await ready(plan, ended);
  } catch (error) {
    await kill();
    throw error;
  }
  return { pid, ended, kill, killNow, pause: () => void child.kill('SIGSTOP'), resume: () => void child.kill('SIGCONT') };
}

async function ready({ name, log, isReady = async () => true, startDeadlineMs = 60_000 }: DaemonPlan, ended: Promise<void>): Promise<void> {
  const deadline = Date.now() + startDeadlineMs;
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  while (!(await isReady())) {
    if (hasEnded || Date.now() > deadline) {
      throw new Error(`${name} ${hasEnded ? 'ended while it started' : `was not ready in ${startDeadlineMs} ms`}: ${await lastLines(log)}`);
    }
    await delay(50);
  }
}
