import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from './command.ts';
import { BUSYBOX_IMAGE } from './image-busybox.ts';
import { nodeParts, startNode } from './node.ts';
import { partOrSkip } from './unavailable.ts';
import { workFolder } from './work-folder.ts';

test('two nodes at once do not meet: each has its addresses, its pods and its Services', async (t) => {
  const started = await partOrSkip(t, () => Promise.all([startNode(), startNode()]));
  if (started === undefined) return;
  const [one, other] = started;
  await using _one = one;
  await using _other = other;
  assert.notEqual(one.address, other.address);
  for (const node of started) {
    await node.kubectl(
      'run',
      'here',
      `--image=${BUSYBOX_IMAGE}`,
      '--image-pull-policy=Never',
      `--env=ADDRESS=${node.address}`,
      '--',
      'sleep',
      '3600',
    );
    await node.kubectl('wait', 'pod/here', '--for=condition=Ready', '--timeout=60s');
    assert.equal(await node.kubectl('exec', 'here', '--', 'sh', '-c', 'echo -n $ADDRESS'), node.address);
  }
  assert.equal((await one.kubectl('get', 'pods', '--all-namespaces', '--output=name')).trim(), 'pod/here');
});

test('the command for a cluster that stays starts one, says how to use it, and ends it', async (t) => {
  if ((await partOrSkip(t, nodeParts)) === undefined) return;
  const folder = await workFolder('cluster');
  const env = { ...process.env, EVENTAGENT_CLUSTER: join(folder, 'own') };
  const cluster = (name: string) => run(process.execPath, [join(import.meta.dirname, '..', 'cluster.ts'), name], { env });
  t.after(async () => {
    await cluster('down');
    await rm(folder, { recursive: true });
  });
  const told = await cluster('up');
  const use = told.split('\n').filter((line) => line.startsWith('  '));
  assert.match(await run('sh', ['-c', use.join('\n')]), /^node-1 +Ready /m);
  assert.equal(await cluster('up'), told);
  assert.equal(await cluster('down'), 'The cluster has ended.\n');
  assert.equal(await cluster('down'), 'No cluster runs.\n');
});
