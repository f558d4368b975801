import { isUtf8 } from 'node:buffer';
import { InputError } from '../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../lib/json-object.ts';
import type { YamlDocument } from './yaml-documents.ts';

/** A Secret of a manifest. */
export interface SecretDocument {
  readonly namespace: string;
  readonly name: string;
  /** Values by key, as text. Never to be logged. */
  readonly values: ReadonlyMap<string, string>;
  readonly file: string;
  readonly line: number;
}

const fields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data', 'stringData']);

/** Reads a Secret. Throws `InputError` (`InvalidResource`) with file, line and field; no message holds a value. `stringData` goes before `data`, as in Kubernetes. */
export function parseSecret(document: YamlDocument, value: JsonObject): SecretDocument {
  const fail = (path: readonly string[], problem: string): never => {
    throw new InputError('InvalidResource', `${document.file}:${document.lineOf(path)}: Secret: ${path.join('.')}: ${problem}`, {
      path: path.join('.'),
    });
  };
  for (const field of Object.keys(value)) if (!fields.has(field)) fail([field], 'unknown field');
  const { metadata, data, stringData } = value;
  const { name, namespace } = isJsonObject(metadata) ? metadata : {};
  if (typeof name !== 'string' || name === '') return fail(['metadata', 'name'], 'Required value');
  if (namespace !== undefined && typeof namespace !== 'string') return fail(['metadata', 'namespace'], 'must be a string');
  const values = new Map<string, string>();
  for (const [key, encoded] of entriesOf(data, 'data', fail))
    values.set(
      key,
      decoded(encoded, (problem) => fail(['data', key], problem)),
    );
  for (const [key, text] of entriesOf(stringData, 'stringData', fail)) values.set(key, text);
  return { namespace: namespace || 'default', name, values, file: document.file, line: document.line };
}

type Fail = (path: readonly string[], problem: string) => never;

function entriesOf(value: unknown, field: string, fail: Fail): readonly (readonly [string, string])[] {
  if (value === undefined || value === null) return [];
  if (!isJsonObject(value)) return fail([field], 'must be a map of strings');
  return Object.entries(value).map(([key, text]) =>
    typeof text === 'string' ? [key, text] : fail([field, key], 'must be a string: put it in quotes'),
  );
}

function decoded(encoded: string, fail: (problem: string) => never): string {
  const compact = encoded.replaceAll(/[\r\n]/g, '');
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact))
    return fail('must be base64: encode the value, or give it in stringData as it is');
  const bytes = Buffer.from(compact, 'base64');
  return isUtf8(bytes) ? bytes.toString('utf8') : fail('must be text in UTF-8: keys and tokens are sent in headers');
}
