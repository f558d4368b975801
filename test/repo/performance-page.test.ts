import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ratioText } from '../bench/report.ts';

for (const [name, aim] of [
  ['gateway', 0.8],
  ['runner', 0.5],
] as const)
  test(`the document says of every figure of the ${name} whether it misses the aim`, () => {
    const document = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8');
    const [, section = ''] = document.split(new RegExp(`<!-- /?bench:${name} -->`));
    const ratios = [...section.matchAll(/\*\*(\d\.\d\d)\*\* \(([\d.]+)–([\d.]+)\)(?:, misses the aim)?/g)];
    assert.ok(ratios.length >= 3);
    for (const [text, median, min, max] of ratios)
      assert.equal(text, ratioText({ median: Number(median), min: Number(min), max: Number(max) }, aim));
  });
