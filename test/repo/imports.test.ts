import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** What the files of a folder may import beside their own folder: folders, or single files. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  api: ['lib/errors.ts'],
  expr: ['lib', 'api'],
  schedule: ['lib/errors.ts'],
  // The topology is a value; `compile` makes it, the broker's edge applies it.
  compile: ['api', 'expr', 'schedule', 'lib/errors.ts', 'lib/header-value.ts', 'lib/host-list.ts', 'broker/topology.ts'],
  broker: ['lib', 'api'],
  store: ['lib', 'api'],
  model: ['lib', 'api'],
  // A kubeconfig is YAML, and what is wrong with it is to be said without quoting it.
  kube: ['lib', 'api', 'manifest/yaml-documents.ts'],
  manifest: ['lib', 'api', 'expr'],
  gateway: ['lib', 'api', 'expr', 'compile', 'broker', 'store', 'model', 'manifest'],
  runner: ['lib', 'api', 'expr', 'schedule', 'compile', 'broker', 'store', 'model', 'manifest'],
  'dead-letters': ['lib', 'api', 'broker'],
  tick: ['lib', 'api', 'schedule', 'broker', 'store', 'dead-letters'],
  redrive: ['lib', 'api', 'broker', 'store', 'dead-letters'],
  controller: ['lib', 'api', 'expr', 'compile', 'schedule', 'broker', 'kube'],
  cli: [
    'lib',
    'api',
    'expr',
    'compile',
    'schedule',
    'broker',
    'store',
    'model',
    'manifest',
    'gateway',
    'runner',
    'tick',
    'dead-letters',
    'redrive',
    'kube',
  ],
};

/** Folders whose functions depend on their arguments alone. */
const pure: ReadonlySet<string> = new Set(['api', 'expr', 'schedule', 'compile']);

const impure: readonly (readonly [string, RegExp])[] = [
  ['a clock', /\bDate\.now\b|\bnew Date\(\)|\bperformance\./],
  ['a timer', /\bset(Timeout|Interval|Immediate)\b/],
  ['randomness', /\bMath\.random\b|\brandom(Bytes|UUID|Int)\b|\bgetRandomValues\b/],
  ['the process', /\bprocess\.\w|\bconsole\./],
  ['the network', /\bfetch\(|['"]node:(http|https|net|tls|dns|dgram)['"]/],
  ['files', /['"]node:(fs|fs\/promises|child_process|os|process)['"]/],
];

interface SourceFile {
  /** Below `src`, with slashes. */
  readonly path: string;
  readonly folder: string;
  /** Without comments. */
  readonly code: string;
  /** Imported files below `src`. */
  readonly imports: readonly string[];
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path): SourceFile => {
    const code = withoutComments(readFileSync(join(src, path), 'utf8'));
    const specifiers = [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier = '']) => specifier);
    const imports = specifiers.map((specifier) => relative(src, join(src, dirname(path), specifier)));
    return { path, folder: path.split('/')[0] ?? '', code, imports };
  });

function withoutComments(code: string): string {
  return code.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}

describe('the source', () => {
  it('is found', () => assert.ok(files.length > 20 && files.some(({ imports }) => imports.length > 0), `${files.length} files`));

  it('lies in folders whose imports are settled', () =>
    assert.deepEqual(
      files.filter(({ folder }) => mayImport[folder] === undefined).map(({ path }) => path),
      [],
    ));

  for (const [folder, allowed] of Object.entries(mayImport))
    it(`in ${folder} imports ${allowed.length === 0 ? 'nothing else of ours' : allowed.join(', ')}`, () => {
      const breaches = files
        .filter((file) => file.folder === folder)
        .flatMap(({ path, imports }) =>
          imports
            .filter((target) => ![folder, ...allowed].some((place) => target === place || target.startsWith(`${place}/`)))
            .map((target) => `${path} imports ${target}`),
        );
      assert.deepEqual(breaches, []);
    });

  for (const folder of pure)
    it(`in ${folder} depends on its arguments alone`, () => {
      const breaches = files
        .filter((file) => file.folder === folder)
        .flatMap(({ path, code }) => impure.filter(([, pattern]) => pattern.test(code)).map(([what]) => `${path} uses ${what}`));
      assert.deepEqual(breaches, []);
    });

  it('imports files with their extension', () =>
    assert.deepEqual(
      files.flatMap(({ path, imports }) =>
        imports.filter((target) => !target.endsWith('.ts')).map((target) => `${path} imports ${target}`),
      ),
      [],
    ));
});
