import { isJsonObject, type JsonObject } from '../lib/json-object.ts';

/** The way to a value: field names, map keys and list indices. */
export type FieldPath = readonly (string | number)[];

/** What is wrong with one field, in Kubernetes' own words. */
export interface FieldError {
  /** As the API server writes it: `spec.triggers[0].webhook.path`. */
  readonly path: string;
  /** As the API server writes it, without the path: `Required value`. */
  readonly message: string;
  /** The way to the value, or to where it should have been. */
  readonly at: FieldPath;
  /** Whether the API server evaluates no rule of an object that has such an error. */
  readonly blocksRules: boolean;
}

/** The text of a path: dots before names, brackets around indices. */
export function pathText(at: FieldPath): string {
  return at.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

/** A value was there and is wrong. `value` is quoted as Go does. */
export function invalid(at: FieldPath, value: unknown, detail: string): FieldError {
  return { path: pathText(at), message: `Invalid value: ${goValue(value)}: ${detail}`, at, blocksRules: false };
}

/** A value is of another type than the schema says; Kubernetes quotes the name of the type in the value's place. */
export function wrongType(at: FieldPath, wanted: string, found: string): FieldError {
  const path = pathText(at);
  const message = `Invalid value: ${goQuoted(found)}: ${path} in body must be of type ${wanted}: ${goQuoted(found)}`;
  return { path, message, at, blocksRules: true };
}

/** A required value is missing. */
export function required(at: FieldPath): FieldError {
  return { path: pathText(at), message: 'Required value', at, blocksRules: true };
}

/** A value is none of those that are supported. */
export function notSupported(at: FieldPath, value: unknown, supported: readonly string[]): FieldError {
  const message = `Unsupported value: ${goValue(value)}: supported values: ${supported.map(goQuoted).join(', ')}`;
  return { path: pathText(at), message, at, blocksRules: true };
}

/** A string is too long. The message says bytes as Kubernetes does, which counts characters. */
export function tooLong(at: FieldPath, most: number): FieldError {
  return { path: pathText(at), message: `Too long: may not be more than ${most} bytes`, at, blocksRules: true };
}

/** A list or a map has too many items. */
export function tooMany(at: FieldPath, count: number, most: number): FieldError {
  return { path: pathText(at), message: `Too many: ${count}: must have at most ${most} items`, at, blocksRules: true };
}

/** A list has two items with the same key. */
export function duplicate(at: FieldPath, key: unknown): FieldError {
  return { path: pathText(at), message: `Duplicate value: ${goJson(key)}`, at, blocksRules: false };
}

/** A field that the schema does not have; the API server says so of requests with strict field validation, which is what kubectl sends. */
export function unknownField(at: FieldPath): FieldError {
  return { path: pathText(at), message: 'unknown field', at, blocksRules: false };
}

/** A value as Go's `%v` and `%q` print it, objects and lists as JSON. */
function goValue(value: unknown): string {
  if (typeof value === 'string') return goQuoted(value);
  if (typeof value === 'number') return goNumber(value);
  return goJson(value);
}

/** As Go's `encoding/json` writes it: fields in the order of their names, and nothing that a browser would take for HTML. */
function goJson(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (isJsonObject(inner) ? sorted(inner) : inner)) ?? 'null';
  return text.replaceAll(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function sorted(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Go's `%v`: of an int64 all digits, of a float64 an exponent outside of 1e-04 to 1e+06. */
function goNumber(value: number): string {
  return isInt64(value) ? String(value) : goFloat(value);
}

/** Whether the API server reads a number as an int64; others are a float64. */
export function isInt64(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63;
}

/** Go's `%v` of a float64, whole or not. */
export function goFloat(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const goEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Go's `%q`. https://pkg.go.dev/strconv#Quote */
function goQuoted(text: string): string {
  let out = '';
  for (const char of text.toWellFormed()) out += goEscapes[char] ?? (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char) ? char : goEscape(char));
  return `"${out}"`;
}

function goEscape(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code < 0x80 ? `\\x${hex.padStart(2, '0')}` : code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
