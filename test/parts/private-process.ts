import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { debianRoot, programOf } from './debian-root.ts';

/** A program inside a root folder of its own. */
export interface Program {
  /** The root folder that it sees as `/`, read-only. */
  readonly root: string;
  /** Folders and files of this machine, by where the program sees them. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
}

/** A running program. It dies with this process. */
export interface PrivateProcess {
  /** Resolves when it has ended, by whatever cause. */
  readonly ended: Promise<void>;
  /** SIGKILL; resolves when nothing of it is left. */
  kill(): Promise<void>;
  /** The same without waiting, for the end of this process. */
  killNow(): void;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
}

/** Starts a program in namespaces of its own (bubblewrap), all that it starts included. What it prints goes to the file `log`. */
export async function startPrivate(program: Program, log: string): Promise<PrivateProcess> {
  const [command, args] = await commandFor(program, ['--info-fd', '3']);
  const output = await open(log, 'a');
  const child = spawn(command, args, {
    env: program.environment,
    stdio: ['ignore', output.fd, output.fd, 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  const inner = await innerPid(child, ended);
  await output.close();
  child.unref();
  if (inner === undefined) throw new Error(`${program.command[0]} did not start: ${await lastLines(log)}`);
  const signal = (name: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(inner, name);
  };
  const killNow = () => {
    try {
      // Its first process: the kernel ends the others of its namespace with it, and bubblewrap ends only after all of them.
      signal('SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  return {
    ended,
    async kill() {
      child.ref();
      killNow();
      await ended;
    },
    killNow,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  };
}

/** The command line that runs a program to its end in the same surroundings as `startPrivate`; `extra` are options of bubblewrap's. */
export async function commandFor(program: Program, extra: readonly string[] = []): Promise<readonly [string, readonly string[]]> {
  const bubblewrap = await debianRoot({ name: 'bubblewrap', suite: 'trixie', packages: ['bubblewrap'] });
  const [command, ...first] = await programOf(bubblewrap, 'usr/bin/bwrap');
  const mounts = Object.entries(program.mounts).flatMap(([inside, outside]) => ['--bind', outside, inside]);
  const root = ['--ro-bind', program.root, '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', '--tmpfs', '/run'];
  const own = ['--unshare-pid', '--as-pid-1', '--die-with-parent', '--new-session', '--chdir', '/'];
  return [command, [...first, ...extra, ...root, ...mounts, ...own, '--', ...program.command]];
}

/** The end of a log, to say why something failed. */
export async function lastLines(log: string): Promise<string> {
  return (await readFile(log, 'utf8')).trim().split('\n').slice(-15).join('\n');
}

/** The program's pid as this machine sees it; bubblewrap tells it as JSON. */
async function innerPid(child: ChildProcess, ended: Promise<void>): Promise<number | undefined> {
  const pipe = child.stdio[3];
  if (!(pipe instanceof Socket)) throw new Error('no pipe to bubblewrap');
  let text = '';
  const told = new Promise<number>((resolve) => {
    // Read to its end: bubblewrap goes on writing after the pid, and would die of a pipe that nobody reads.
    pipe.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
      if (pid !== undefined) resolve(Number(pid));
    });
  });
  const pid = await Promise.race([told, ended.then(() => undefined)]);
  pipe.unref();
  return pid;
}
