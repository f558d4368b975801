import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { PartUnavailable, partOrSkip } from './unavailable.ts';

const ci = process.env.CI;
afterEach(() => {
  if (ci === undefined) delete process.env.CI;
  else process.env.CI = ci;
});

const missing = () => Promise.reject(new PartUnavailable('RabbitMQ 4.0: no apt-get', 'use Debian'));

test('a part that is there is given', async () => {
  assert.equal(await partOrSkip({ skip: assert.fail }, () => Promise.resolve('part')), 'part');
});

test('a part that cannot be had skips the test with the reason and the remedy', async () => {
  delete process.env.CI;
  const reasons: (string | undefined)[] = [];
  assert.equal(await partOrSkip({ skip: (reason) => void reasons.push(reason) }, missing), undefined);
  assert.deepEqual(reasons, ['RabbitMQ 4.0: no apt-get; to have it: use Debian']);
});

test('in continuous integration a part that cannot be had fails the test', async () => {
  process.env.CI = 'true';
  await assert.rejects(partOrSkip({ skip: assert.fail }, missing), PartUnavailable);
});

test('a part that is there and breaks fails the test everywhere', async () => {
  delete process.env.CI;
  await assert.rejects(
    partOrSkip({ skip: assert.fail }, () => Promise.reject(new Error('did not start'))),
    /did not start/,
  );
});
