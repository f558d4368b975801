import { isUtf8 } from 'node:buffer';
import type { DeadLetter } from '../../api/dead-letter.ts';
import { STRUCTURED } from '../../api/event.ts';
import type { Message } from '../../api/message.ts';
import { shownId } from '../../dead-letters/shown-id.ts';
import { visibleJson } from '../../lib/visible.ts';

/** A CloudEvent without its data, as JSON has it. */
export type CloudEventAttributes = Readonly<Record<string, string | number>>;

/**
 * A dead letter as the attributes of a CloudEvent; what is known of its death are extension attributes that begin with `dead`.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export function cloudEventAttributes(letter: DeadLetter, content: Message): CloudEventAttributes {
  const { attributes, progress } = letter.envelope;
  const { id: _, extensions, hop, ...named } = attributes;
  const contentType = bodyOf(content).contentType;
  return {
    specversion: '1.0',
    id: shownId(letter, content),
    ...named,
    ...(contentType === undefined ? {} : { datacontenttype: contentType }),
    ...extensions,
    hop,
    deadreason: letter.reason,
    deaderror: letter.error,
    deadfingerprint: letter.fingerprint,
    ...(letter.attempts === undefined ? {} : { deadattempts: letter.attempts }),
    deadgen: progress.gen,
    ...(progress.key === undefined ? {} : { deadkey: progress.key }),
    ...(letter.firstAt === undefined ? {} : { deadfirstat: new Date(letter.firstAt).toISOString() }),
    ...(letter.deadAt === undefined ? {} : { deadat: new Date(letter.deadAt).toISOString() }),
  };
}

/** A dead letter as one line of JSON: a CloudEvent in structured mode. JSON data stands in it as it came, digit by digit. */
export function cloudEventLine(letter: DeadLetter, content: Message): string {
  const { member } = bodyOf(content);
  return `${visibleJson(cloudEventAttributes(letter, content)).slice(0, -1)}${member === '' ? '' : `,${member}`}}`;
}

/** The data of a message as a member of a JSON object, and what kind it is. What is neither JSON nor text, or not what it says, is base64 of the bytes. */
function bodyOf({ body, contentType }: Message): { readonly member: string; readonly contentType: string | undefined } {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const text = isUtf8(body) ? body.toString('utf8') : undefined;
  const json = text === undefined ? undefined : parsed(text);
  if (mediaType === STRUCTURED && isObject(json?.value)) return enveloped(json.value);
  const isJson = mediaType === '' || mediaType === 'application/json' || mediaType.endsWith('+json');
  // Line breaks can stand between the tokens of JSON only.
  if (isJson && text !== undefined && json !== undefined)
    return { contentType, member: `"data":${text.replaceAll(/[\r\n]+/g, ' ').trim()}` };
  if (text !== undefined && (mediaType === '' || mediaType.startsWith('text/')))
    return { contentType: contentType ?? 'text/plain', member: `"data":${JSON.stringify(text)}` };
  return { contentType, member: `"data_base64":"${body.toString('base64')}"` };
}

/** The data of an event whose body is its envelope. */
function enveloped(envelope: Readonly<Record<string, unknown>>): ReturnType<typeof bodyOf> {
  const contentType = typeof envelope.datacontenttype === 'string' ? envelope.datacontenttype : undefined;
  const name = ['data', 'data_base64'].find((key) => key in envelope);
  return { contentType, member: name === undefined ? '' : `"${name}":${JSON.stringify(envelope[name])}` };
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
