import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { buriedMessage, reviewerNames } from '../../../test/support/dead-letter-stage.ts';
import { deadLetterOf } from '../../api/dead-letter.ts';
import { cloudEventLine } from './cloud-event.ts';

/** The line of a dead letter with this content. */
function lineOf(body: string | Buffer, contentType?: string): string {
  const content = { body: Buffer.from(body), ...(contentType === undefined ? {} : { contentType }) };
  const message = buriedMessage({ id: '1', progress: { attempt: 3, gen: 1 }, content });
  return cloudEventLine(deadLetterOf({ ...message, exchange: reviewerNames.exchange, routingKey: 'dead' }, reviewerNames), message);
}

test('a dead letter as a CloudEvent has nothing unseen but in its data', () => {
  const message = buriedMessage({
    id: '\u202e1\u{e0041}',
    content: { body: Buffer.from('{"a":\t"\u202e"}'), contentType: 'application/json' },
  });
  const letter = deadLetterOf({ ...message, exchange: reviewerNames.exchange, routingKey: 'dead' }, reviewerNames);
  const line = cloudEventLine(letter, message);
  assert.ok(line.includes('"id":"\\u202e1\\udb40\\udc41"') && line.endsWith('"data":{"a":\t"\u202e"}}'), line);
  assert.equal((JSON.parse(line) as { readonly id: string }).id, '\u202e1\u{e0041}');
});

const member = (line: string) => {
  const { data, data_base64, datacontenttype } = JSON.parse(line) as Record<string, unknown>;
  return { ...(data === undefined ? {} : { data }), ...(data_base64 === undefined ? {} : { data_base64 }), datacontenttype };
};

suite('a dead letter as a CloudEvent', () => {
  test('says of itself what its message says, and why it died', () => {
    const { deadfingerprint, deadkey, ...event } = JSON.parse(lineOf('{"a":1}', 'application/json')) as Record<string, unknown>;
    assert.match(String(deadfingerprint), /^[0-9a-f]{12}$/);
    assert.match(String(deadkey), /^[0-9a-f]{64}$/);
    assert.deepEqual(event, {
      specversion: '1.0',
      id: '1',
      source: '/tests',
      type: 'test',
      datacontenttype: 'application/json',
      hop: 0,
      deadreason: 'OutputRejected',
      deaderror: 'output sink answered 422',
      deadattempts: 3,
      deadgen: 1,
      deadfirstat: '2026-01-01T23:00:00.000Z',
      deadat: '2026-01-02T00:00:00.000Z',
      data: { a: 1 },
    });
  });

  test('keeps JSON digit by digit, on one line', () => {
    const line = lineOf('{\r\n  "big": 12345678901234567890.10,\n "text": "a\\nb"\n}\n', 'application/json');
    assert.ok(line.endsWith(',"data":{   "big": 12345678901234567890.10,  "text": "a\\nb" }}'), line);
    assert.equal(line.split('\n').length, 1);
    JSON.parse(line);
  });

  const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
  const cases: readonly (readonly [name: string, body: string | Buffer, contentType: string | undefined, want: object])[] = [
    ['JSON without a content type', '[1]', undefined, { data: [1], datacontenttype: undefined }],
    ['text without a content type', 'hello', undefined, { data: 'hello', datacontenttype: 'text/plain' }],
    ['text', 'a "b"\nc', 'text/plain; charset=utf-8', { data: 'a "b"\nc', datacontenttype: 'text/plain; charset=utf-8' }],
    ['JSON as text', '{"a":1}', 'text/plain', { data: '{"a":1}', datacontenttype: 'text/plain' }],
    ['an image', '\u0089PNG', 'image/png', { data_base64: base64('\u0089PNG'), datacontenttype: 'image/png' }],
    ['JSON that is none', '{no', 'application/json', { data_base64: base64('{no'), datacontenttype: 'application/json' }],
    [
      'bytes that are no text',
      Buffer.from([0xff, 0x22]),
      'text/plain',
      { data_base64: base64(Buffer.from([0xff, 0x22])), datacontenttype: 'text/plain' },
    ],
    [
      'an envelope with data',
      '{"id":"1","data":{"a":1},"datacontenttype":"application/x"}',
      'application/cloudevents+json',
      { data: { a: 1 }, datacontenttype: 'application/x' },
    ],
    [
      'an envelope with base64',
      '{"data_base64":"AAA="}',
      'application/cloudevents+json',
      { data_base64: 'AAA=', datacontenttype: undefined },
    ],
    ['an envelope without data', '{"id":"1"}', 'application/cloudevents+json; charset=utf-8', { datacontenttype: undefined }],
  ];
  for (const [name, body, contentType, want] of cases) test(`of ${name}`, () => assert.deepEqual(member(lineOf(body, contentType)), want));
});
