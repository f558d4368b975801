import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileProblem } from './file-problem.ts';

const root = mkdtempSync(join(tmpdir(), 'file-problem-'));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'folder'));
writeFileSync(join(root, 'file'), '');
symlinkSync('circle', join(root, 'circle'));

const unreadable: readonly (readonly [path: string, says: RegExp])[] = [
  ['nowhere', /^there is no such file/],
  ['folder', /^it is a directory/],
  ['file/below', /^a part of this path is a file/],
  ['circle', /^its symbolic links lead in a circle/],
  ['a'.repeat(5000), /^the path is too long/],
];
for (const [path, says] of unreadable)
  test(`a file that cannot be read: ${path.slice(0, 20)}`, () => {
    let problem = '';
    try {
      readFileSync(join(root, path));
    } catch (error) {
      problem = fileProblem(error);
    }
    assert.match(problem, says);
  });

test('a file that this user may not read says what to do, as one that nobody has foreseen says what the system says', () => {
  const error = (code: string) => Object.assign(new Error(`${code}: what the system says, open 'x'`), { code });
  assert.match(fileProblem(error('EACCES')), /^this user may not read it: change its permissions/);
  assert.equal(fileProblem(error('EWHAT')), "EWHAT: what the system says, open 'x'");
});
