import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ports } from './ports.ts';
import { lastLines, type PrivateProcess, type Program, startPrivate } from './private-process.ts';

/** What can be done to a server of our own, to see what others make of it. */
export interface Server extends AsyncDisposable {
  /** SIGKILL: the data stay. */
  kill(): Promise<void>;
  /** Kills it where it runs, and starts it on the same data and ports. */
  restart(): Promise<void>;
  /** Ends it and removes its data. May be repeated. */
  stop(): Promise<void>;
  /** SIGSTOP and SIGCONT: connections stay open, and nothing answers. */
  pause(): void;
  resume(): void;
}

/** How a server is run. */
export interface ServerPlan {
  readonly name: string;
  readonly program: Program;
  /** Removed when the server stops. */
  readonly folder: string;
  /** The file that takes what it prints. */
  readonly log: string;
  /** Released when the server stops. */
  readonly ports: Ports;
  /** Whether it answers already; asked again and again after the start. */
  isReady(): Promise<boolean>;
  readonly startDeadlineMs: number;
}

/** Starts a server and waits until it is ready. It ends with this process, whatever becomes of that. */
export async function startServer(plan: ServerPlan): Promise<Server> {
  let running: PrivateProcess | undefined;
  const start = async () => {
    running = await startPrivate(plan.program, plan.log);
    await ready(plan, running);
  };
  const kill = async () => {
    await running?.kill();
    running = undefined;
  };
  const onExit = () => {
    running?.killNow();
    rmSync(plan.folder, { recursive: true, force: true });
  };
  const stop = async () => {
    await kill();
    process.off('exit', onExit);
    await rm(plan.folder, { recursive: true, force: true });
    await plan.ports[Symbol.asyncDispose]();
  };
  process.once('exit', onExit);
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kill,
    async restart() {
      await kill();
      await start();
    },
    stop,
    pause: () => running?.pause(),
    resume: () => running?.resume(),
    [Symbol.asyncDispose]: stop,
  };
}

async function ready(plan: ServerPlan, server: PrivateProcess): Promise<void> {
  const deadline = Date.now() + plan.startDeadlineMs;
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  while (!(await plan.isReady())) {
    if (ended || Date.now() > deadline) {
      throw new Error(
        `${plan.name} ${ended ? 'ended while it started' : `was not ready in ${plan.startDeadlineMs} ms`}: ${await lastLines(plan.log)}`,
      );
    }
    await delay(20);
  }
}
