import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from './command.ts';
import { buildImage } from './image.ts';
import { NODE_IMAGE } from './image-base.ts';
import { partOrSkip } from './unavailable.ts';

const DOCKERFILE = `ARG NODE_IMAGE=node:24-slim
FROM \${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json ./
RUN npm install --ignore-scripts && node -e "console.log(require('is-number')(5))" > answer

FROM \${NODE_IMAGE}
ENV KIND=small
COPY --from=build /src/answer /answer
USER 65532:65532
CMD ["node", "--version"]
`;

interface Manifest {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

test('a Dockerfile of two stages that installs packages becomes an archive, with no trace of how this machine reaches them', async (t) => {
  const context = await mkdtemp(join(tmpdir(), 'eventagent-context-'));
  t.after(() => rm(context, { recursive: true }));
  await writeFile(join(context, 'Dockerfile'), DOCKERFILE);
  await writeFile(join(context, 'package.json'), JSON.stringify({ name: 'small', dependencies: { 'is-number': '7.0.0' } }));
  const plan = { dockerfile: join(context, 'Dockerfile'), context, tag: 'localhost/small:1', buildArgs: { NODE_IMAGE } };
  const built = await partOrSkip(t, () => buildImage(plan));
  if (built === undefined) return;
  {
    await using image = built;
    const read = (name: string) => run('tar', ['-xOf', image.archive, name]);
    const [manifest] = JSON.parse(await read('manifest.json')) as readonly [Manifest];
    assert.deepEqual(manifest.RepoTags, ['localhost/small:1']);
    const { config } = JSON.parse(await read(manifest.Config)) as {
      readonly config: { readonly Env: readonly string[]; readonly User: string; readonly Cmd: readonly string[] };
    };
    assert.deepEqual([config.User, config.Cmd], ['65532:65532', ['node', '--version']]);
    assert.deepEqual(
      config.Env.map((variable) => variable.split('=')[0]),
      ['PATH', 'NODE_VERSION', 'KIND'],
    );
    const layers = await Promise.all(
      manifest.Layers.map((layer) => run('sh', ['-c', 'tar -xOf "$1" "$2" | tar -t', 'list', image.archive, layer])),
    );
    const files = layers
      .join('')
      .split('\n')
      .map((name) => name.replace(/^\.?\//, ''));
    assert.ok(files.includes('usr/local/bin/node') && files.includes('answer'));
    assert.deepEqual(
      files.filter((name) => name.startsWith('usr/local/etc/') && name !== 'usr/local/etc/'),
      [],
    );
  }
  assert.equal(existsSync(built.archive), false);
});
