import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** The folder for real parts, outside of any checkout, so that all checkouts share it. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.EVENTAGENT_CACHE ?? environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'eventagent');
}

/**
 * The folder `path`, built by `build` where it does not exist. `build` fills an empty folder of its own, which is renamed when it is complete: a folder
 * that exists is complete. Any number of processes may ask at once: one builds, the others wait for it.
 */
export async function cached(path: string, build: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  await using _ = await lock(`${path}.lock`);
  if (existsSync(path)) return path;
  const unfinished = `${basename(path)}.building-`;
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(unfinished)) await rm(join(dirname(path), name), { recursive: true, force: true });
  }
  const folder = join(dirname(path), `${unfinished}${process.pid}`);
  await mkdir(folder);
  try {
    await build(folder);
    await rename(folder, path);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return path;
}

/**
 * Holds the lock of a file, after waiting for whoever holds it. The kernel keeps it (flock(2)) for a child that ends with our end of its pipe,
 * so a holder that is killed leaves nothing behind that somebody would have to judge stale.
 */
export async function lock(file: string): Promise<AsyncDisposable> {
  const child = spawn('flock', [file, 'sh', '-c', 'echo held; cat >&2'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(`it ended with ${code}`));
  });
  const held = new Promise<undefined>((resolve) => child.stdout.once('data', () => resolve(undefined)));
  const failure = await Promise.race([held, ended]);
  if (failure !== undefined) throw new Error(`flock (util-linux) could not lock ${file}: ${failure}`);
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
