import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8');

suite('docs/reliability.md', () => {
  test('names no test that is not there', () => {
    const named = [...page.matchAll(/\b(?:test|src)\/[\w./-]+\.ts\b/g)].map(([path]) => path);
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter((path) => !existsSync(join(root, path))),
      [],
    );
  });

  test('names every test that closes a ledger', () => {
    const ours = readdirSync(join(root, 'test/integration')).filter((name) => name.startsWith('reliability-'));
    assert.ok(ours.length > 5);
    assert.deepEqual(
      ours.filter((name) => !page.includes(`(../test/integration/${name})`)),
      [],
    );
  });
});
