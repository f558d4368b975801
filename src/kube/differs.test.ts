import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference, differs } from './differs.ts';

const container = (fields: Readonly<Record<string, unknown>>) => ({ spec: { containers: [{ name: 'runner', ...fields }] } });

for (const [name, desired, live] of [
  ['equal texts', { a: 'x' }, { a: 'x' }],
  ['nothing at all', undefined, { a: 1 }],
  ['nothing stated', {}, { a: 1, b: [1] }],
  ['what is not stated', { a: 1 }, { a: 1, b: 2 }],
  ['a stated field that is undefined', { a: undefined, b: 1 }, { a: 5, b: 1 }],
  ['null for what is not there', { a: null }, {}],
  ['null for what every object inherits', { constructor: null }, {}],
  ['null for null', { a: null }, { a: null }],
  ['defaults inside an element of a list', container({ image: 'x' }), container({ image: 'x', imagePullPolicy: 'Always' })],
  ['false for none', { readOnly: false }, {}],
  ['an empty text for none', { env: [{ name: 'a', value: '' }] }, { env: [{ name: 'a' }] }],
  ['a named member that somebody has added', { env: [{ name: 'a', value: '1' }] }, { env: [{ name: 'b' }, { name: 'a', value: '1' }] }],
  ['an empty list for none', { finalizers: [] }, {}],
  ['an empty list for null', { finalizers: [] }, { finalizers: null }],
  ['no labels for none', { metadata: { labels: {} } }, { metadata: {} }],
  ['labels that are all undefined for none', { labels: { a: undefined } }, {}],
  ['an empty object for one that got defaults', { volumes: [{ emptyDir: {} }] }, { volumes: [{ emptyDir: { sizeLimit: '1' } }] }],
  ['thousandths of a core', container({ resources: { limits: { cpu: '1000m' } } }), container({ resources: { limits: { cpu: '1' } } })],
  ['a number of cores', { requests: { cpu: 0.5 } }, { requests: { cpu: '500m' } }],
  ['gibibytes', { requests: { memory: '1Gi' } }, { requests: { memory: '1073741824' } }],
  ['bytes as a number', { limits: { memory: 134217728 } }, { limits: { memory: '128Mi' } }],
  ['an exponent', { limits: { memory: '1e3' } }, { limits: { memory: '1k' } }],
  ['a size limit', { emptyDir: { sizeLimit: '1024Mi' } }, { emptyDir: { sizeLimit: '1Gi' } }],
] as const) {
  test(`no difference: ${name}`, () => {
    assert.equal(difference(desired, live), undefined);
    assert.equal(differs(desired, live), false);
  });
}

for (const [name, desired, live, path] of [
  ['another text', { a: { b: 'x' } }, { a: { b: 'y' } }, 'a.b'],
  ['a field that is gone', { spec: { replicas: 1 } }, { spec: {} }, 'spec.replicas'],
  ['a whole object that is gone', { spec: { replicas: 1 } }, undefined, ''],
  ['a number for a text', { a: 1 }, { a: '1' }, 'a'],
  ['false where nothing means true', { automountServiceAccountToken: false }, {}, 'automountServiceAccountToken'],
  ['true where there is nothing', { automountServiceAccountToken: true }, {}, 'automountServiceAccountToken'],
  ['a named member that is gone', { env: [{ name: 'a', value: '1' }] }, { env: [{ name: 'b', value: '1' }] }, 'env[0]'],
  [
    'a named member that is other',
    { env: [{ name: 'a', value: '1' }] },
    { env: [{ name: 'b' }, { name: 'a', value: '2' }] },
    'env[0].value',
  ],
  ['null for something', { a: null }, { a: 0 }, 'a'],
  ['a longer list', { a: [1] }, { a: [1, 2] }, 'a'],
  ['a shorter list', { a: [1, 2] }, { a: [1] }, 'a'],
  ['an empty list for one that has something', { a: [] }, { a: [1] }, 'a'],
  ['the order of a list', { a: [1, 2] }, { a: [2, 1] }, 'a[0]'],
  ['a list for an object', { a: [1] }, { a: { 0: 1 } }, 'a'],
  ['an object for a list', { a: { b: 1 } }, { a: [1] }, 'a'],
  ['an object for a text', { a: { b: 1 } }, { a: 'b' }, 'a'],
  ['a field of an element', container({ image: 'x' }), container({ image: 'y' }), 'spec.containers[0].image'],
  ['a label', { metadata: { labels: { 'a.b/c': '1' } } }, { metadata: { labels: { 'a.b/c': '2' } } }, 'metadata.labels["a.b/c"]'],
  ['another quantity', { limits: { cpu: '1001m' } }, { limits: { cpu: '1' } }, 'limits.cpu'],
  ['a quantity and none', { limits: { cpu: '1' } }, { limits: { cpu: 'one' } }, 'limits.cpu'],
  ['equal quantities where none are meant', container({ value: '1000m' }), container({ value: '1' }), 'spec.containers[0].value'],
  ['a label that looks like a quantity', { labels: { version: '1.0' } }, { labels: { version: '1' } }, 'labels.version'],
  ['an empty volume for another', { volumes: [{ emptyDir: {} }] }, { volumes: [{ secret: {} }] }, 'volumes[0].emptyDir'],
  ['a name that every object inherits', { labels: { constructor: 'x' } }, { labels: {} }, 'labels.constructor'],
] as const) {
  test(`a difference: ${name}`, () => {
    assert.equal(difference(desired, live), path);
    assert.equal(differs(desired, live), true);
  });
}
