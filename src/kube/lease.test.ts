import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstLease, heldLease, releasedLease } from './lease.ts';
import { microTime } from './micro-time.ts';

const [first, later] = [Date.UTC(2026, 10, 25, 12), Date.UTC(2026, 10, 25, 12, 0, 2, 45)];

test('times have six digits after the point', () => {
  assert.equal(microTime(first), '2026-11-25T12:00:00.000000Z');
  assert.equal(microTime(later), '2026-11-25T12:00:02.045000Z');
});

test('a lease from its first holder to its second', () => {
  const made = firstLease({ namespace: 'a', name: 'x' }, 'one', 15, first);
  assert.deepEqual(made, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: 'a', name: 'x' },
    spec: {
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: microTime(first),
      renewTime: microTime(first),
      leaseTransitions: 0,
    },
  });
  const renewed = heldLease(made, 'one', 15, later);
  assert.deepEqual(renewed.spec, { ...made.spec, renewTime: microTime(later) });
  const released = releasedLease(renewed, later);
  assert.deepEqual(released.spec, { ...renewed.spec, holderIdentity: '', leaseDurationSeconds: 1 });
  const taken = heldLease(released, 'two', 30, later);
  assert.deepEqual(taken.spec, {
    holderIdentity: 'two',
    leaseDurationSeconds: 30,
    acquireTime: microTime(later),
    renewTime: microTime(later),
    leaseTransitions: 1,
  });
});

test('a lease that somebody made without a word in it can be taken', () => {
  const { apiVersion, kind, metadata } = firstLease({ name: 'x', resourceVersion: '3' }, 'one', 15, first);
  const taken = heldLease({ apiVersion, kind, metadata }, 'one', 15, first);
  assert.deepEqual([taken.metadata.resourceVersion, taken.spec?.holderIdentity, taken.spec?.leaseTransitions], ['3', 'one', 1]);
});
