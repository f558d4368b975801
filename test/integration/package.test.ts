import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../parts/command.ts';

const root = join(import.meta.dirname, '../..');

test('the npm package holds all that the command line needs, as JavaScript', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-package-'));
  try {
    await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root });
    const [archive = ''] = await readdir(folder);
    await run('tar', ['-xzf', join(folder, archive), '-C', folder]);
    const unpacked = join(folder, 'package');
    assert.deepEqual(
      (await readdir(unpacked)).filter((name) => name === 'src' || name === 'test'),
      [],
    );
    await symlink(join(root, 'node_modules'), join(unpacked, 'node_modules'));
    const samples = join(unpacked, 'config/samples');
    assert.match(await run(join(unpacked, 'bin/eventagent'), ['validate', samples]), /^valid: /);
    assert.match(
      await run(join(unpacked, 'bin/eventagent'), ['render', join(samples, 'pr-reviewer.yaml')]),
      /ea\.platform\.pr-reviewer\.dead/,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
