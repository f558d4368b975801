import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfterMs } from './retry-after.ts';

const now = Date.UTC(2026, 10, 23, 12, 0, 0);

for (const [name, header, waitMs] of [
  ['seconds', '30', 30_000],
  ['no wait at all', '0', 0],
  ['a fraction of a second, rounded up', '0.0301', 31],
  ['blanks around it', ' 5 ', 5_000],
  ['an HTTP date', 'Mon, 23 Nov 2026 12:01:00 GMT', 60_000],
  ['a date in the old form', 'Monday, 23-Nov-26 12:00:01 GMT', 1_000],
  ['a date that has passed', 'Mon, 23 Nov 2026 11:00:00 GMT', 0],
  ['nothing', null, undefined],
  ['an empty header', '', undefined],
  ['less than nothing', '-1', undefined],
  ['a number beyond all sense', '99999999999999999999', undefined],
  ['an exponent', '1e3', undefined],
  ['a word', 'soon', undefined],
  ['a bare year, which Date.parse would take', '2027', 2_027_000],
  ['an ISO date, which is no HTTP date', '2026-11-23T12:01:00Z', undefined],
] as const) {
  test(`retry-after of ${name}`, () => assert.equal(retryAfterMs(header, now), waitMs));
}
