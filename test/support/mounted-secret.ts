import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A Secret in a folder, as the kubelet mounts one. */
export interface MountedSecret {
  readonly folder: string;
  /** Swaps all values for these at once; keys that are not named any more are gone. */
  swap(values: Readonly<Record<string, string>>): void;
}

/**
 * Mounts a Secret: the files are in a folder of their version, the link `..data` leads to the present version, and each key is a link through it.
 * https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
 */
export function mountSecret(folder: string, values: Readonly<Record<string, string>>): MountedSecret {
  mkdirSync(folder, { recursive: true });
  let versions = 0;
  let present: string | undefined;
  let keys: readonly string[] = [];
  const swap = (next: Readonly<Record<string, string>>) => {
    versions += 1;
    const version = `..2026_11_23_${versions}`;
    mkdirSync(join(folder, version));
    for (const [key, value] of Object.entries(next)) writeFileSync(join(folder, version, key), value);
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    for (const key of Object.keys(next)) if (!keys.includes(key)) symlinkSync(join('..data', key), join(folder, key));
    for (const key of keys) if (next[key] === undefined) rmSync(join(folder, key));
    if (present !== undefined) rmSync(join(folder, present), { recursive: true });
    present = version;
    keys = Object.keys(next);
  };
  swap(values);
  return { folder, swap };
}
