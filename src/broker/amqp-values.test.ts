import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeaderValue } from '../api/message.ts';
import { assertPublishable, headersFrom } from './amqp-values.ts';
import type { Publication } from './port.ts';

const received: readonly { readonly name: string; readonly value: unknown; readonly becomes: HeaderValue }[] = [
  { name: 'text, numbers, booleans and null stay', value: ['a', 1, -1.5, true, null], becomes: ['a', 1, -1.5, true, null] },
  { name: 'tables and lists stay at any depth', value: { a: [{ b: [] }] }, becomes: { a: [{ b: [] }] } },
  { name: 'a big integer becomes the nearest number', value: 2n ** 53n + 1n, becomes: 2 ** 53 },
  { name: 'a date becomes ISO 8601', value: new Date(0), becomes: '1970-01-01T00:00:00.000Z' },
  { name: 'a byte array of text becomes the text', value: Buffer.from('ü'), becomes: 'ü' },
  { name: 'any other byte array becomes base64', value: Buffer.from([0xff, 0xfe]), becomes: '//4=' },
  { name: 'what is not a number becomes its name', value: [Number.NaN, -Infinity], becomes: ['NaN', '-Infinity'] },
  { name: 'what is missing becomes null', value: [undefined], becomes: [null] },
];

for (const { name, value, becomes } of received) {
  test(`headers of a delivery: ${name}`, () => assert.deepEqual(headersFrom({ h: value }), { h: becomes }));
}

test('headers of a delivery: a field that is named like a prototype is a field', () => {
  const headers = headersFrom(JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>);
  assert.deepEqual(Object.keys(headers), ['__proto__']);
  assert.equal(headers.admin, undefined);
});

const long = 'ü'.repeat(128);
const plain: Publication = { exchange: 'x', routingKey: 'k', body: Buffer.alloc(0), headers: {} };
const refused: readonly { readonly name: string; readonly change: Partial<Publication>; readonly message: RegExp }[] = [
  { name: 'a routing key of 256 bytes', change: { routingKey: long }, message: /routing key of 256 bytes/ },
  { name: 'an exchange of 256 bytes', change: { exchange: long }, message: /exchange of 256 bytes/ },
  { name: 'a message id of 256 bytes', change: { messageId: long }, message: /message id of 256 bytes/ },
  { name: 'a content type of 256 bytes', change: { contentType: long }, message: /content type of 256 bytes/ },
  { name: 'a header name of 256 bytes', change: { headers: { a: { [long]: 1 } } }, message: /name of a field in headers\.a of 256 bytes/ },
  { name: 'NaN in a header', change: { headers: { a: [1, Number.NaN] } }, message: /headers\.a\.1: the number NaN/ },
  { name: 'an infinite header', change: { headers: { a: -Infinity } }, message: /headers\.a: the number -Infinity/ },
  {
    name: 'a fraction past 2^50 in a header',
    change: { headers: { a: 2 ** 50 + 0.5 } },
    message: /headers\.a: the number 1125899906842624\.5/,
  },
  { name: 'an integer below a 64-bit one in a header', change: { headers: { a: -(2 ** 64) } }, message: /headers\.a/ },
];

for (const { name, change, message } of refused) {
  test(`a publication is refused before it is sent for ${name}`, () => {
    assert.throws(() => assertPublishable({ ...plain, ...change }), { name: 'RangeError', message });
  });
}

test('a publication passes with all that AMQP can carry', () => {
  const edge = `${'ü'.repeat(127)}a`;
  const headers = { [edge]: [0, -0, 0.1, 2 ** 50, 2 ** 63, 1e300, -(2 ** 63), null, '', { deep: [true] }] };
  assertPublishable({ ...plain, exchange: edge, routingKey: edge, messageId: edge, contentType: edge, headers });
});
