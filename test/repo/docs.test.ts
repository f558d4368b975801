import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite, test } from 'node:test';
import { controllerMetrics, metrics } from '../../src/api/metrics.ts';

const root = join(import.meta.dirname, '../..');
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** What a counter or histogram is called where it is scraped, besides its own name. */
const metricNames = Object.entries({ ...metrics, ...controllerMetrics }).flatMap(([name, { type }]) =>
  type === 'histogram' ? ['', '_bucket', '_sum', '_count'].map((ending) => name + ending) : [name],
);

suite('the pages', () => {
  test('are found', () => assert.ok(pages.includes('README.md') && pages.includes('docs/operations.md')));
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    test(`${page} links to files that are there`, () => {
      const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '');
      const files = targets.filter((target) => !/^[a-z]+:/.test(target) && !target.includes('*'));
      assert.deepEqual(
        files.filter((target) => !existsSync(join(root, dirname(page), target))),
        [],
      );
    });
    test(`${page} names no metric that is not there`, () => {
      const named = [...text.matchAll(/\beventagent_[a-z_]+[a-z]\b/g)].map(([name]) => name);
      assert.deepEqual(
        [...new Set(named)].filter((name) => !metricNames.includes(name)),
        [],
      );
    });
  }
  test('README.md has at most 150 lines', () => {
    const lines = readFileSync(join(root, 'README.md'), 'utf8').split('\n').length;
    assert.ok(lines <= 150, `${relative(root, 'README.md')} has ${lines}`);
  });
});
