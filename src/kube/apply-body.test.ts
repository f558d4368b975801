import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyBody } from './apply-body.ts';

test('what YAML does not take as it stands is escaped, and says the same', () => {
  const object = { 'k\u0092': 'a\u007fb\u0085c\u009f\ufffe\uffff', plain: 'é🙂\u2028"\\\u0000\\u0092', list: [1, null, { a: '\u0080' }] };
  const body = applyBody(object);
  assert.doesNotMatch(body, /[\u007f-\u009f\ufffe\uffff]/);
  assert.deepEqual(JSON.parse(body), object);
});

test('half of a surrogate pair becomes what the API server makes of it elsewhere', () => {
  assert.deepEqual(JSON.parse(applyBody({ a: '🙂'.slice(0, 1) })), { a: '\ufffd' });
});
