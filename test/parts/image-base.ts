import { appendFile, cp, mkdir, realpath, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { run } from './command.ts';
import { debianMirror } from './debian-root.ts';
import { writeImageArchive } from './image-archive.ts';
import { imageBuilder, KEYRING } from './image-builder.ts';
import { runInMachine } from './node-machine.ts';

/** The name of the image: what a public image of Node on Debian has, as far as a Dockerfile needs it. */
export const NODE_IMAGE = 'localhost/node:24';

/** To be raised when the image is made in another way. */
const RECIPE = 1;

const SUITE = 'trixie';

/** The archive of an image with Debian's smallest system, its certificates, the Node of this checkout and the npm of this machine; made where it is missing. Throws `PartUnavailable`. */
export async function nodeBaseImage(): Promise<string> {
  const version = process.versions.node;
  const made = await cached(join(cacheFolder(), 'image', `node-${version}-${process.arch}-${RECIPE}`), async (folder) => {
    const files = join(folder, 'files');
    const builder = await imageBuilder(folder, { '/run/out': folder });
    const options = ['--variant=minbase', '--include=ca-certificates', `--keyring=${KEYRING}`];
    await runInMachine(builder, ['debootstrap', ...options, SUITE, '/run/out/files', await debianMirror()]);
    await addNode(files);
    await writeImageArchive(
      {
        folder: files,
        without: ['var/cache/apt', 'var/lib/apt/lists', 'var/log'],
        tag: NODE_IMAGE,
        environment: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', `NODE_VERSION=${version}`],
        command: ['node'],
      },
      join(folder, 'image.tar'),
    );
    await run('rm', ['-rf', '--one-file-system', files, join(folder, 'builder')]);
  });
  return join(made, 'image.tar');
}

/** Puts Node, npm and the user `node` where public images have them. */
async function addNode(files: string): Promise<void> {
  const [bin, modules] = [join(files, 'usr/local/bin'), join(files, 'usr/local/lib/node_modules')];
  await cp(process.execPath, join(bin, 'node'));
  await mkdir(modules, { recursive: true });
  await cp(await npmFolder(), join(modules, 'npm'), { recursive: true, dereference: true });
  for (const name of ['npm', 'npx']) await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name));
  await appendFile(join(files, 'etc/passwd'), 'node:x:1000:1000::/home/node:/bin/sh\n');
  await appendFile(join(files, 'etc/group'), 'node:x:1000:\n');
  await mkdir(join(files, 'home/node'));
  await run('chown', ['1000:1000', join(files, 'home/node')]);
}

/** The package npm of this machine, with what it depends on inside. */
async function npmFolder(): Promise<string> {
  const started = process.env.npm_execpath;
  const program = started?.endsWith('npm-cli.js') ? started : await realpath((await run('sh', ['-c', 'command -v npm'])).trim());
  return dirname(dirname(program));
}
