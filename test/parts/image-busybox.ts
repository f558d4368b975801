import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { run } from './command.ts';
import { debianRoot } from './debian-root.ts';
import { writeImageArchive } from './image-archive.ts';

/** The name of the image: a shell and small tools, all in one static program. It waits for ever where it is told nothing else. */
export const BUSYBOX_IMAGE = 'localhost/busybox:1';

/** To be raised when the image is made in another way. */
const RECIPE = 1;

/** The image as an archive, made where it is missing. A pod's namespaces are held by it too. */
export async function busyboxImage(): Promise<string> {
  const root = await debianRoot({ name: 'busybox', suite: 'trixie', packages: ['busybox-static'] });
  const folder = await cached(join(cacheFolder(), 'image', `busybox-${process.arch}-${RECIPE}`), async (made) => {
    const files = await mkdtemp(join(tmpdir(), 'eventagent-busybox-'));
    try {
      for (const name of ['bin', 'etc', 'proc', 'sys', 'dev']) await mkdir(join(files, name));
      await mkdir(join(files, 'tmp'), { mode: 0o777 });
      const program = join(root, 'usr/bin/busybox');
      await copyFile(program, join(files, 'bin/busybox'));
      const applets = (await run(program, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox');
      for (const name of applets) await symlink('busybox', join(files, 'bin', name));
      await writeFile(join(files, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
      await writeImageArchive({ folder: files, tag: BUSYBOX_IMAGE, command: ['/bin/sleep', '2147483647'] }, join(made, 'image.tar'));
    } finally {
      await rm(files, { recursive: true });
    }
  });
  return join(folder, 'image.tar');
}
