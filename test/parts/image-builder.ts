import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianRoot } from './debian-root.ts';
import { type Machine, requireMachines } from './node-machine.ts';

/** What makes images has of Debian. */
const packages = [
  ...['base-files', 'base-passwd', 'dash', 'coreutils', 'sed', 'grep', 'mount', 'util-linux', 'tar', 'gzip', 'xz-utils'],
  ...['dpkg', 'perl-base', 'wget', 'gpgv', 'debian-archive-keyring', 'debootstrap', 'buildah', 'netavark'],
];

/** The archive keyring as the machine of `imageBuilder` sees it. */
export const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Makes a machine with debootstrap and buildah that reaches what this one reaches. What it keeps is in a new folder `builder` of `folder`. Throws `PartUnavailable`. */
export async function imageBuilder(folder: string, mounts: Readonly<Record<string, string>>): Promise<Machine> {
  await requireMachines('making an image');
  const root = await debianRoot({ name: 'image-builder', suite: 'trixie', packages });
  const [etc, variable] = [join(folder, 'builder', 'etc'), join(folder, 'builder', 'var')];
  await mkdir(join(variable, 'tmp'), { recursive: true });
  await cp(join(root, 'etc'), etc, { recursive: true, verbatimSymlinks: true });
  const files: Readonly<Record<string, string>> = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\n',
    group: 'root:x:0:\n',
    hosts: await ours('/etc/hosts'),
    'resolv.conf': await ours('/etc/resolv.conf'),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(etc, name), text);
  return { root, network: 'host', mounts: { '/etc': etc, '/var': variable, ...mounts } };
}

async function ours(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '');
}
