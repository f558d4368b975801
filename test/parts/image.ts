import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { run } from './command.ts';
import { nodeBaseImage } from './image-base.ts';
import { imageBuilder } from './image-builder.ts';
import { runInMachine } from './node-machine.ts';
import { workFolder } from './work-folder.ts';

/** What an image is built from. */
export interface ImagePlan {
  /** The path of the Dockerfile. Of other images it finds `NODE_IMAGE` of image-base.ts only. */
  readonly dockerfile: string;
  /** The folder that it copies from. */
  readonly context: string;
  /** `localhost/name:tag`. */
  readonly tag: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
}

/** An image that was built. Disposing removes its archive. */
export interface BuiltImage extends AsyncDisposable {
  readonly tag: string;
  /** The path of a tar as `docker save` writes it. */
  readonly archive: string;
}

// $1 tag, then options of `buildah build`.
const BUILD = `
set -e
tag=$1; shift
# Its own limits are higher, and raising them may be forbidden.
limits=$(echo "--ulimit=nofile=$(ulimit -Sn):$(ulimit -Hn) --ulimit=nproc=$(ulimit -Sp):$(ulimit -Hp)" | sed s/unlimited/-1/g)
buildah pull --quiet docker-archive:/run/base.tar
buildah build --isolation=chroot --pull=never --layers=false $limits --file=/run/Dockerfile --tag="$tag" "$@" /run/context
buildah push --quiet "$tag" "docker-archive:/run/out/image.tar:$tag"
`;

/** Builds an image as a Docker without its daemon does. Steps reach what this machine reaches. Throws `PartUnavailable` where this machine cannot do that. */
export async function buildImage(plan: ImagePlan): Promise<BuiltImage> {
  const base = await nodeBaseImage();
  const folder = await workFolder('image');
  const out = join(folder, 'out');
  await mkdir(out);
  const npm = await npmSettings(folder);
  const mounts = {
    '/run/base.tar': base,
    '/run/Dockerfile': plan.dockerfile,
    '/run/context': plan.context,
    '/run/out': out,
    '/run/npm': npm,
  };
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const builder = await imageBuilder(folder, mounts);
    const args = Object.entries(plan.buildArgs ?? {}).map(([name, value]) => `--build-arg=${name}=${value}`);
    const volumes = ['--volume=/run/npm:/usr/local/etc:ro'];
    await runInMachine(builder, ['sh', '-c', BUILD, 'build', plan.tag, ...args, ...volumes]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { tag: plan.tag, archive: join(out, 'image.tar'), [Symbol.asyncDispose]: dispose };
}

/** A folder with the settings that npm has here, for the steps of a build: the registry, and whom it trusts. They do not get into the image. */
async function npmSettings(folder: string): Promise<string> {
  const settings = join(folder, 'npm');
  await mkdir(settings);
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  const authorities = [...rootCertificates, ...(extra ? [await readFile(extra, 'utf8')] : [])];
  await writeFile(join(settings, 'authorities.crt'), authorities.join('\n'));
  const registry = (await run('npm', ['config', 'get', 'registry'])).trim();
  await writeFile(join(settings, 'npmrc'), `registry=${registry}\ncafile=/usr/local/etc/authorities.crt\n`);
  return settings;
}
