import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectStore } from './object-store.ts';

const pod = (name: string, resourceVersion: string, uid = `uid of ${name}`, namespace: string | undefined = 'a') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, resourceVersion, uid, ...(namespace === undefined ? {} : { namespace }) },
});

test('an object is found by its namespace and name', () => {
  const store = new ObjectStore();
  const [one, other] = [pod('x', '1'), pod('x', '2', 'other', 'b')];
  store.put(one);
  store.put(other);
  assert.equal(store.get('a', 'x'), one);
  assert.equal(store.get('b', 'x'), other);
  assert.equal(store.get(undefined, 'x'), undefined);
  assert.deepEqual(store.list('a'), [one]);
  assert.deepEqual(store.list(), [one, other]);
  assert.deepEqual(store.list('c'), []);
  assert.equal(store.list().length, 2);
});

test('an object may have no namespace', () => {
  const store = new ObjectStore();
  const one = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x', resourceVersion: '1' } };
  assert.deepEqual(store.put(one), { key: 'x', now: one, before: undefined });
  assert.equal(store.get(undefined, 'x'), one);
  assert.deepEqual(store.list(), [one]);
});

test('a change has what was before', () => {
  const store = new ObjectStore();
  const [first, second] = [pod('x', '1'), pod('x', '2')];
  assert.deepEqual(store.put(first), { key: 'a/x', now: first, before: undefined });
  assert.deepEqual(store.put(second), { key: 'a/x', now: second, before: first });
  assert.equal(store.list().length, 1);
  assert.deepEqual(store.remove(first), { key: 'a/x', now: undefined, before: second });
  assert.equal(store.list().length, 0);
});

test('the same version is no change, the same version of another object is one', () => {
  const store = new ObjectStore();
  store.put(pod('x', '1'));
  assert.equal(store.put(pod('x', '1')), undefined);
  assert.notEqual(store.put(pod('x', '1', 'made anew')), undefined);
});

test('what is not there cannot be removed', () => {
  const store = new ObjectStore();
  store.put(pod('x', '1'));
  assert.equal(store.remove(pod('y', '1')), undefined);
  assert.equal(store.remove(pod('x', '1', 'uid', 'b')), undefined);
  assert.equal(store.list().length, 1);
});

test('a whole list shows what was deleted, changed and made meanwhile, and nothing else', () => {
  const store = new ObjectStore();
  const [gone, same, changed] = [pod('gone', '1'), pod('same', '1'), pod('changed', '1')];
  for (const object of [gone, same, changed]) store.put(object);
  const [after, made] = [pod('changed', '2'), pod('made', '3')];
  assert.deepEqual(store.replace([after, made, same]), [
    { key: 'a/gone', now: undefined, before: gone },
    { key: 'a/changed', now: after, before: changed },
    { key: 'a/made', now: made, before: undefined },
  ]);
  assert.equal(store.list().length, 3);
  assert.equal(store.replace([]).length, 3);
  assert.deepEqual(store.list(), []);
});
