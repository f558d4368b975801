import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SortedNames } from './sorted-names.ts';

test('sorted names: those that begin alike, whatever is added and taken away', () => {
  const names = new SortedNames(['ea.n.b', 'ea.n.a.retry.10', 'ea.n.a', 'ea.n.ab']);
  assert.deepEqual(names.startingWith('ea.n.a.'), ['ea.n.a.retry.10']);
  assert.deepEqual(names.startingWith('ea.n.a'), ['ea.n.a', 'ea.n.a.retry.10', 'ea.n.ab']);
  names.add('ea.n.a.dead');
  names.add('ea.n.a.dead');
  names.delete('ea.n.ab');
  names.delete('ea.n.ab');
  assert.deepEqual(names.startingWith('ea.n.a'), ['ea.n.a', 'ea.n.a.dead', 'ea.n.a.retry.10']);
  assert.deepEqual(names.startingWith(''), ['ea.n.a', 'ea.n.a.dead', 'ea.n.a.retry.10', 'ea.n.b']);
  assert.deepEqual(names.startingWith('x'), []);
});
