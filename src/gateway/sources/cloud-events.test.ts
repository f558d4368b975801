import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cloudEvent } from '../../../test/support/cloud-event.ts';
import { dataOf, envelopeOf, messageFor } from '../../api/event.ts';
import { readCloudEvent } from './cloud-events.ts';

const TYPE = { 'content-type': 'application/cloudevents+json; charset=UTF-8' };
const read = (attributes: Readonly<Record<string, unknown>>) => readCloudEvent(TYPE, Buffer.from(cloudEvent(attributes)));

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('every attribute finds its place', () => {
  const attributes = {
    time: '2026-01-31T07:00:00.5+01:00',
    subject: 'o/1',
    hop: 2,
    traceparent: TRACE,
    datacontenttype: 'application/json',
  };
  assert.deepEqual(read({ ...attributes, count: 7, urgent: true, tenant: 'a', none: null }), {
    kind: 'event',
    event: {
      id: 'order-1',
      source: '/orders',
      type: 'com.example.order.created',
      time: '2026-01-31T07:00:00.5+01:00',
      subject: 'o/1',
      traceparent: TRACE,
      extensions: { datacontenttype: 'application/json', count: '7', urgent: 'true', tenant: 'a' },
      hop: 2,
    },
    contentType: 'application/cloudevents+json',
  });
});

const fine: readonly [string, Readonly<Record<string, unknown>>][] = [
  ['an id of 1024 bytes', { id: 'ü'.repeat(512) }],
  ['a type of 255 bytes', { type: 'a'.repeat(255) }],
  ['a leap second', { time: '2016-12-31T23:59:60Z' }],
  ['unset attributes as null', { time: null, subject: null, hop: null, traceparent: null, data_base64: null }],
  ['a hop in digits', { hop: '3' }],
  ['a trace context that cannot be parsed', { traceparent: 'nonsense' }],
  ['no data at all', { data: undefined }],
  ['binary data', { data: undefined, data_base64: 'AAEC' }],
  ['32 extensions', Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`ext${index}`, 'x'.repeat(1024)]))],
];

for (const [name, attributes] of fine) test(`accepted: ${name}`, () => assert.equal(read(attributes).kind, 'event'));

const wrong: readonly [string, string, Readonly<Record<string, unknown>>][] = [
  ['no specversion', 'specversion', { specversion: undefined }],
  ['specversion 0.3', 'specversion', { specversion: '0.3' }],
  ['no id', 'id', { id: undefined }],
  ['an empty id', 'id', { id: '' }],
  ['an id that is a number', 'id', { id: 7 }],
  ['an id beyond 1024 bytes', 'id', { id: `${'ü'.repeat(512)}x` }],
  ['an id with a line break', 'id', { id: 'a\nb' }],
  ['an id that is half a character', 'id', { id: 'a\ud800' }],
  ['no source', 'source', { source: undefined }],
  ['a source with a space', 'source', { source: 'a b' }],
  ['no type', 'type', { type: undefined }],
  ['a type that no routing key can hold', 'type', { type: 'a'.repeat(256) }],
  ['a time without a zone', 'time', { time: '2026-01-31T07:00:00' }],
  ['a time that is a number', 'time', { time: 1_700_000_000 }],
  ['an empty subject', 'subject', { subject: '' }],
  ['a negative hop', 'hop', { hop: -1 }],
  ['half a hop', 'hop', { hop: 0.5 }],
  ['data twice', 'data_base64', { data_base64: 'AAEC' }],
  ['base64 that is no string', 'data_base64', { data: undefined, data_base64: 7 }],
  ['an extension with a structure', 'tenant', { tenant: { name: 'a' } }],
  ['an extension name in capitals', 'extensions', { tenantId: 'a' }],
  ['33 extensions', 'extensions', Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`ext${index}`, 'x']))],
];

for (const [name, attribute, attributes] of wrong) {
  test(`refused, naming ${attribute}: ${name}`, () => {
    const reading = read(attributes);
    assert.ok(reading.kind === 'refused');
    assert.equal(reading.reason, 'bad_event');
    assert.ok(reading.error.startsWith(`the CloudEvents attribute ${attribute}: `), reading.error);
  });
}

for (const contentType of ['application/cloudevents-batch+json', 'application/json', 'text/plain', undefined]) {
  test(`refused as 415: content type ${contentType}`, () => {
    const reading = readCloudEvent(contentType === undefined ? {} : { 'content-type': contentType }, Buffer.from(cloudEvent()));
    assert.ok(reading.kind === 'refused');
    assert.equal(reading.reason, 'content_type');
    assert.match(reading.error, /application\/cloudevents\+json/);
  });
}

test('what is read here is read again from the message, body untouched', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(text, text, fc.jsonValue(), fc.dictionary(fc.stringMatching(/^x[a-z0-9]{1,9}$/), text), (id, type, data, extensions) => {
      const body = Buffer.from(cloudEvent({ ...extensions, id, type, data }));
      const reading = readCloudEvent(TYPE, body);
      assert.ok(reading.kind === 'event', JSON.stringify(reading));
      const { event, contentType } = reading;
      const message = messageFor(event, { body, contentType }, 1_700_000_000_000);
      assert.equal(message.body, body);
      const { attributes } = envelopeOf({ ...message, exchange: 'ea.web.reviewer', routingKey: 'work' }, 'ea.web.reviewer');
      assert.deepEqual(attributes, { ...event, extensions: { ...event.extensions } });
      assert.deepEqual(dataOf(message), JSON.parse(JSON.stringify(data)));
    }),
    { numRuns: 300 },
  );
});
