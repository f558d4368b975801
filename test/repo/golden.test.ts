import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { goldenFolder, sampleNames } from './generated-files.ts';

// That each golden file is what its sample becomes is a matter of the generated files.
describe('golden files', () => {
  it('are there for each sample, and for nothing else', () => assert.deepEqual(new Set(readdirSync(goldenFolder)), new Set(sampleNames())));

  for (const name of sampleNames())
    it(`of ${name} mean the same to readers of YAML 1.1 and 1.2`, () => {
      const text = readFileSync(new URL(name, goldenFolder), 'utf8');
      const valueFor = (version: '1.1' | '1.2') => parseAllDocuments(text, { version }).map((document) => document.toJS() as unknown);
      assert.deepEqual(valueFor('1.1'), valueFor('1.2'));
      assert.ok(valueFor('1.2').length > 0);
    });
});
