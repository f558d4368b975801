import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from './command.ts';

/** A container image of one layer. */
export interface PlainImage {
  /** Its files, with their owners. */
  readonly folder: string;
  /** Names below it that do not go into the image, each with all below it. */
  readonly without?: readonly string[];
  /** `name:tag`. */
  readonly tag: string;
  readonly environment?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
}

/** Writes an image as `docker save` does: a tar with the layer, the configuration and a list of both. */
export async function writeImageArchive(image: PlainImage, file: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-image-'));
  try {
    await mkdir(join(folder, 'layer'));
    const layer = join(folder, 'layer', 'layer.tar');
    const without = (image.without ?? []).map((name) => `--exclude=./${name}`);
    await run('tar', ['--numeric-owner', ...without, '-cf', layer, '-C', image.folder, '.']);
    const configuration = {
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Env: image.environment ?? ['PATH=/bin'], Entrypoint: image.entrypoint, Cmd: image.command },
      rootfs: { type: 'layers', diff_ids: [`sha256:${await sha256Of(layer)}`] },
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(configuration));
    const manifest = [{ Config: 'config.json', RepoTags: [image.tag], Layers: ['layer/layer.tar'] }];
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await run('tar', ['-cf', file, '-C', folder, 'manifest.json', 'config.json', 'layer']);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
