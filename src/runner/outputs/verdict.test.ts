import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from './send.ts';
import { verdictOn } from './verdict.ts';

const output = { name: 'comment', onUnknownResult: 'Retry' } as const;
const answered = (status: number, more: { retryAfterMs?: number; rateLimited?: boolean } = {}): Answer => ({
  kind: 'answered',
  status,
  rateLimited: false,
  ...more,
});

const cases: readonly (readonly [name: string, answer: Answer, want: string])[] = [
  ...[200, 201, 202, 204].map((status) => [`${status} is delivered`, answered(status), 'delivered'] as const),
  ...[408, 409, 425, 429].map((status) => [`${status} asks to come back`, answered(status), 'transient/OutputBusy'] as const),
  ['403 with a used up rate limit asks to come back', answered(403, { rateLimited: true }), 'transient/OutputBusy'],
  ['403 is final', answered(403), 'permanent/OutputRejected'],
  ...[400, 401, 404, 410, 422].map((status) => [`${status} is final`, answered(status), 'permanent/OutputRejected'] as const),
  ...[301, 302, 303, 304].map((status) => [`${status} would not send the body on`, answered(status), 'permanent/OutputRejected'] as const),
  ...[500, 501, 503, 507].map((status) => [`${status} may pass`, answered(status), 'transient/OutputServerError'] as const),
  ...[502, 504].map((status) => [`${status} says nothing of the sink behind it`, answered(status), 'transient/OutputUnknown'] as const),
  ['a reset leaves the result unknown', { kind: 'unknown', error: 'ECONNRESET' }, 'transient/OutputUnknown'],
  ['a refused connection has sent nothing', { kind: 'not-sent', error: 'ECONNREFUSED' }, 'transient/OutputUnreachable'],
  ['a redirect to another host is final', { kind: 'forbidden', error: 'host b' }, 'permanent/OutputForbidden'],
];

for (const [name, answer, want] of cases) {
  test(`answer of an output: ${name}`, () => {
    const verdict = verdictOn(output, answer);
    assert.equal(verdict === 'delivered' ? verdict : `${verdict.kind}/${'reason' in verdict ? verdict.reason : ''}`, want);
  });
}

test('an unknown result is a dead letter where the author said so', () => {
  for (const answer of [answered(502), { kind: 'unknown', error: 'ECONNRESET' } as const]) {
    const verdict = verdictOn({ ...output, onUnknownResult: 'DeadLetter' }, answer);
    assert.ok(verdict !== 'delivered' && verdict.kind === 'permanent' && verdict.reason === 'OutputUnknown');
  }
});

test('retry-after is kept', () => {
  const verdict = verdictOn(output, answered(429, { retryAfterMs: 90_000, rateLimited: true }));
  assert.ok(verdict !== 'delivered' && verdict.kind === 'transient');
  assert.equal(verdict.retryAfterMs, 90_000);
});
