import { type EventAttributes, messageFor, STRUCTURED } from '../../api/event.ts';
import type { Message } from '../../api/message.ts';
import { readCloudEvent } from '../../gateway/sources/cloud-events.ts';
import { readGitHub } from '../../gateway/sources/github.ts';
import type { Reading } from '../../gateway/sources/reading.ts';
import { isJsonObject } from '../../lib/json-object.ts';
import { RefusedInput } from '../exit.ts';
import { parseJson, textOf } from './json-file.ts';

/** An event to estimate with, as the gateway would publish it. */
export interface Sample {
  /** The file. */
  readonly name: string;
  readonly message: Message;
}

/** What a body that is no CloudEvent says of itself. */
export interface SampleAttributes {
  readonly type: string | undefined;
  readonly source: string | undefined;
}

/** Where `--type` says that a body is a delivery of GitHub. */
const GITHUB_PREFIX = 'github.';

const JSON_TYPE = 'application/json';

/**
 * Reads a file with one event: a CloudEvent in structured mode, or the body of a webhook, which is read as GitHub's where `type` begins with `github.`.
 * `now` in milliseconds. Throws `RefusedInput` with file, and line or attribute; it quotes nothing of the body.
 */
export function readSample(file: string, attributes: SampleAttributes, now: number): Sample {
  const text = textOf(file);
  const value = parseJson(text, file, 'an event is a CloudEvent in structured mode, or the JSON body of a webhook');
  const body = Buffer.from(text);
  const reading = readingOf(value, body, attributes);
  switch (reading.kind) {
    case 'event':
      return { name: file, message: messageFor(reading.event, { body, contentType: reading.contentType }, now) };
    case 'handshake':
      throw new RefusedInput([`${file}: a ping is answered by the gateway and reaches no agent: give an event`]);
    case 'refused':
      throw new RefusedInput([`${file}: ${reading.error}`]);
  }
}

function readingOf(value: unknown, body: Buffer, { type = 'sample', source }: SampleAttributes): Reading {
  if (isJsonObject(value) && 'specversion' in value) return readCloudEvent({ 'content-type': STRUCTURED }, body);
  if (type.startsWith(GITHUB_PREFIX)) {
    const headers = { 'content-type': JSON_TYPE, 'x-github-event': type.slice(GITHUB_PREFIX.length), 'x-github-delivery': 'sample' };
    const reading = readGitHub(headers, body);
    return reading.kind === 'event' && source !== undefined ? { ...reading, event: { ...reading.event, source } } : reading;
  }
  const event: EventAttributes = { id: 'sample', source: source ?? 'sample', type, extensions: {}, hop: 0 };
  return { kind: 'event', event, contentType: JSON_TYPE };
}
