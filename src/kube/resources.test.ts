import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersionOf, keyOf, objectKey, parseKey, pathOf, resources } from './resources.ts';

test('where the API server has things', () => {
  assert.equal(pathOf(resources.pods), '/api/v1/pods');
  assert.equal(pathOf(resources.pods, 'a'), '/api/v1/namespaces/a/pods');
  assert.equal(pathOf(resources.namespaces, undefined, 'a'), '/api/v1/namespaces/a');
  assert.equal(pathOf(resources.deployments, 'a', 'b'), '/apis/apps/v1/namespaces/a/deployments/b');
  assert.equal(pathOf(resources.eventAgents, 'a', 'b', 'status'), '/apis/eventagent.dev/v1alpha1/namespaces/a/eventagents/b/status');
});

test('a name cannot lead out of its place', () =>
  assert.equal(pathOf(resources.pods, 'a', '../../secrets?x'), '/api/v1/namespaces/a/pods/..%2F..%2Fsecrets%3Fx'));

test('the version that objects carry', () => {
  assert.equal(apiVersionOf(resources.pods), 'v1');
  assert.equal(apiVersionOf(resources.deployments), 'apps/v1');
});

test('keys lead back to namespace and name', () => {
  const head = { apiVersion: 'v1', kind: 'Pod' };
  assert.equal(keyOf({ ...head, metadata: { namespace: 'a', name: 'b' } }), 'a/b');
  assert.equal(keyOf({ ...head, metadata: { name: 'b' } }), 'b');
  for (const [namespace, name] of [
    ['a', 'b'],
    [undefined, 'b.c'],
  ] as const)
    assert.deepEqual(parseKey(objectKey(namespace, name)), { namespace, name });
});
