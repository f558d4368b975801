import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';

const ROOT = '/sys/fs/cgroup';
const PREFIX = 'eventagent-test-';

/** A control group of our own, in every hierarchy of this machine. */
export interface ControlGroup {
  /** Its path in each hierarchy. */
  readonly path: string;
  /** Removes it, once all its processes are gone. */
  remove(): Promise<void>;
}

/** Makes a control group. Those that killed processes have left behind are removed on the way. */
export async function controlGroup(name: string): Promise<ControlGroup> {
  const hierarchies = await hierarchiesOf();
  for (const hierarchy of hierarchies) {
    for (const found of await readdir(hierarchy)) {
      const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(found)?.[1];
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeTree(join(hierarchy, found));
    }
  }
  const own = `${PREFIX}${process.pid}-${name}-${randomUUID().slice(0, 8)}`;
  for (const hierarchy of hierarchies) await mkdir(join(hierarchy, own), { recursive: true });
  const remove = async () => {
    for (const hierarchy of hierarchies) await eventually(`the control group ${own} is empty`, () => removeTree(join(hierarchy, own)));
  };
  return { path: `/${own}`, remove };
}

/** One of cgroup v2; one for each controller of v1. */
async function hierarchiesOf(): Promise<readonly string[]> {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT];
  const names = await readdir(ROOT, { withFileTypes: true });
  return names.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

/** Whether it is gone: the kernel removes only what is empty, from the innermost out. */
async function removeTree(path: string): Promise<boolean> {
  if (!existsSync(path)) return true;
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory() && !(await removeTree(join(path, entry.name)))) return false;
  }
  return await rmdir(path).then(
    () => true,
    () => false,
  );
}
