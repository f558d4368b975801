import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'eventagent-test-';

/** A new empty folder for one part of this process. Folders that killed processes have left behind are removed on the way. */
export async function workFolder(name: string): Promise<string> {
  for (const found of await readdir(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(found)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(tmpdir(), found), { recursive: true, force: true });
  }
  return await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-${name}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
