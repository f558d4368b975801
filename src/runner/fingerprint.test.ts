import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf } from './fingerprint.ts';

test('errors of one cause have one fingerprint, whatever ids, figures and times are in them', () => {
  const of = (error: string) => fingerprintOf('OutputRejected', error);
  assert.equal(of('1024 tokens are too many'), of('4096 tokens are too many'));
  assert.equal(of('request req_01ABC9 failed at 10:20:30'), of('request req_77XYZ1 failed at 23:59:01'));
  assert.equal(of('key "alpha" is missing'), of('key "beta" is missing'));
  assert.equal(of('event 0b81bb4c-6f0a-11ef-9f2c-8d3c8a9b1e11 is odd'), of('event ffffffff-aaaa-bbbb-cccc-dddddddddddd is odd'));
});

test('errors of different causes have different fingerprints', () => {
  assert.notEqual(fingerprintOf('Refused', 'no'), fingerprintOf('OutputRejected', 'no'));
  assert.notEqual(fingerprintOf('OutputRejected', 'output a answered 404'), fingerprintOf('OutputRejected', 'output b answered 404'));
  assert.notEqual(fingerprintOf('OutputRejected', 'output a answered 404'), fingerprintOf('OutputRejected', 'output a answered 422'));
});
