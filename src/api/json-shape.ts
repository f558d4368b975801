import { InputError } from '../lib/errors.ts';

/** Makes a typed value of one that was read from JSON. Throws `InputError` (`InvalidResource`) that names `path` and says what is expected there. */
export type Parse<Value> = (value: unknown, path: string) => Value;

/** A field that may be missing. */
export interface OptionalField<Value> {
  readonly optional: Parse<Value>;
}

/** How to parse each field of an object; a type with a new field does not compile until its shape has it. */
export type Shape<Fields> = {
  readonly [Name in keyof Fields]-?: Record<never, never> extends Pick<Fields, Name>
    ? OptionalField<Exclude<Fields[Name], undefined>>
    : Parse<Fields[Name]>;
};

/** Parses a text of JSON. Throws `InputError` (`InvalidResource`). */
export function fromJson<Value>(text: string, parse: Parse<Value>): Value {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // The parser's own message quotes the text.
    throw new InputError('InvalidResource', 'not JSON', { cause });
  }
  return parse(value, '');
}

/** Exactly these fields. A field that is not known is refused: who wrote it relies on something that this version does not do. */
export function object<Fields extends object>(shape: Shape<Fields>): Parse<Fields> {
  const fields = new Map(Object.entries(shape) as [string, Parse<unknown> | OptionalField<unknown>][]);
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return expected('an object', path);
    const given = new Map<string, unknown>(Object.entries(value));
    for (const name of given.keys()) {
      if (!fields.has(name)) refuse('a field that this version does not know: let one version write and read it', below(path, name));
    }
    const parsed = [...fields].flatMap(([name, field]) => {
      const at = below(path, name);
      if (given.has(name)) return [[name, typeof field === 'function' ? field(given.get(name), at) : field.optional(given.get(name), at)]];
      return typeof field === 'function' ? refuse('missing', at) : [];
    });
    return Object.fromEntries(parsed) as Fields;
  };
}

/** A field that may be missing. */
export function optional<Value>(parse: Parse<Value>): OptionalField<Value> {
  return { optional: parse };
}

/** One of several kinds of object, told apart by the word in the field `tag`. */
export function variant<Tag extends string, Value extends Readonly<Record<Tag, string>>>(
  tag: Tag,
  kinds: { readonly [Word in Value[Tag]]: Parse<Extract<Value, Readonly<Record<Tag, Word>>>> },
): Parse<Value> {
  const known = new Map(Object.entries(kinds) as [string, Parse<Value>][]);
  return (value, path) => {
    const word = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[tag] : undefined;
    const parse = typeof word === 'string' ? known.get(word) : undefined;
    return parse === undefined ? expected([...known.keys()].join(' or '), below(path, tag)) : parse(value, path);
  };
}

/** A list, each of whose entries is parsed alike. */
export function listOf<Value>(parse: Parse<Value>): Parse<readonly Value[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((entry: unknown, index) => parse(entry, `${path}[${index}]`)) : expected('a list', path);
}

/** Any text. */
export const text: Parse<string> = (value, path) => (typeof value === 'string' ? value : expected('a text', path));

/** A text of at least one character. */
export const name: Parse<string> = (value, path) =>
  typeof value === 'string' && value !== '' ? value : expected('a text that is not empty', path);

/** One of a few words. */
export function word<Word extends string>(...words: readonly Word[]): Parse<Word> {
  return (value, path) => words.find((known) => known === value) ?? expected(words.join(' or '), path);
}

/** A whole number of at least `least`. */
export function count(least: number): Parse<number> {
  return (value, path) =>
    Number.isSafeInteger(value) && Number(value) >= least ? Number(value) : expected(`a whole number from ${least}`, path);
}

/** An object of any fields, which is taken as it is. */
export const anyObject: Parse<Readonly<Record<string, unknown>>> = (value, path) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : expected('an object', path);

/** True or false. */
export const flag: Parse<boolean> = (value, path) => (typeof value === 'boolean' ? value : expected('true or false', path));

/** True, and nothing else. */
export const yes: Parse<true> = (value, path) => (value === true ? value : expected('true', path));

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function expected(what: string, path: string): never {
  return refuse(`must be ${what}`, path);
}

function refuse(problem: string, path: string): never {
  throw new InputError('InvalidResource', path === '' ? problem : `${path}: ${problem}`, path === '' ? {} : { path });
}
