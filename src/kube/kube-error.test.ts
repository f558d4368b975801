import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusOf } from '../../test/support/scripted-api-server.ts';
import { isNamespaceTerminating, kubeErrorFor } from './kube-error.ts';

const errorFor = (status: number, body: unknown, retryAfter?: string) => kubeErrorFor('applying Service a/b', status, body, retryAfter, 0);

for (const [status, reason, code] of [
  [400, 'BadRequest', 'Invalid'],
  [401, 'Unauthorized', 'Unauthorized'],
  [403, 'Forbidden', 'Forbidden'],
  [404, 'NotFound', 'NotFound'],
  [405, 'MethodNotAllowed', 'Failed'],
  [409, 'Conflict', 'Conflict'],
  [409, 'AlreadyExists', 'Conflict'],
  [410, 'Expired', 'Gone'],
  [413, 'RequestEntityTooLarge', 'Invalid'],
  [422, 'Invalid', 'Invalid'],
  [429, 'TooManyRequests', 'Throttled'],
  [500, 'InternalError', 'Failed'],
  [503, 'ServiceUnavailable', 'Failed'],
] as const) {
  test(`${status} ${reason} is ${code}`, () => {
    const error = errorFor(status, statusOf(status, reason, 'because'));
    assert.deepEqual([error.code, error.status, error.reason, error.message], [code, status, reason, 'applying Service a/b: because']);
    assert.equal(error.name, 'KubeError');
  });
}

test('it is known which object and which fields are meant', () => {
  const causes = [{ reason: 'FieldValueInvalid', message: 'too long', field: 'spec.x' }];
  const error = errorFor(422, statusOf(422, 'Invalid', 'no', { name: 'b', causes }));
  assert.equal(error.objectName, 'b');
  assert.deepEqual(error.causes, causes);
});

for (const [what, header, seconds, waitMs] of [
  ['the header', '7', undefined, 7_000],
  ['the Status', undefined, 3, 3_000],
  ['the header before the Status', '7', 3, 7_000],
  ['neither', undefined, undefined, undefined],
  ['a Status with no wait', undefined, 0, undefined],
] as const) {
  test(`how long to wait: ${what}`, () => {
    const body = statusOf(429, 'TooManyRequests', 'slowly', seconds === undefined ? {} : { retryAfterSeconds: seconds });
    assert.equal(errorFor(429, body, header).retryAfterMs, waitMs);
  });
}

test('a proxy in between may ask for a wait too', () => assert.equal(errorFor(503, undefined, '2').retryAfterMs, 2_000));

test('what is no Status is not repeated', () => {
  for (const body of [undefined, null, 'SECRET', { message: 'SECRET' }, ['SECRET']]) {
    const { message, code } = errorFor(502, body);
    assert.equal(message, "applying Service a/b: answered with 502, and no word of the API server's own");
    assert.equal(code, 'Failed');
  }
});

test('a kind that the server does not know is said to be one', () =>
  assert.match(errorFor(404, undefined).message, /is its CustomResourceDefinition installed\?$/));

test('a refusal of many fields is cut', () => {
  const { message } = errorFor(422, statusOf(422, 'Invalid', 'x'.repeat(5_000)));
  assert.equal(message.length, 'applying Service a/b: '.length + 1_000);
});

test('a Status without words has its reason, or its number', () => {
  assert.equal(errorFor(409, statusOf(409, 'Conflict', '')).message, 'applying Service a/b: Conflict');
  assert.equal(errorFor(500, { kind: 'Status' }).message, 'applying Service a/b: status 500');
});

test('a namespace that is being deleted is told from a missing permission', () => {
  const terminating = statusOf(403, 'Forbidden', 'no', { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] });
  assert.equal(isNamespaceTerminating(errorFor(403, terminating)), true);
  assert.equal(isNamespaceTerminating(errorFor(403, statusOf(403, 'Forbidden', 'no'))), false);
  assert.equal(isNamespaceTerminating(errorFor(422, statusOf(422, 'Invalid', 'no', { causes: [{ reason: 'FieldValueInvalid' }] }))), false);
  assert.equal(isNamespaceTerminating(new Error('NamespaceTerminating')), false);
});
