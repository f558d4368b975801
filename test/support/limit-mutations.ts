import { isJsonObject, type JsonObject } from '../../src/lib/json-object.ts';
import type { Schema } from '../../src/manifest/schema.ts';
import type { Mutation } from './mutation.ts';

/** A place in a schema that an object has a value for. */
interface Place {
  readonly schema: Schema;
  readonly value: unknown;
  /** In the schema, `[]` for the items of a list and `*` for the values of a map. */
  readonly field: string;
  /** How another value gets there. */
  readonly set: (value: unknown) => Mutation['set'];
  /** In the object, for `Mutation`; missing inside of maps, whose keys may have dots. */
  readonly path: string | undefined;
}

/** The fields below `spec` that an object has a value for, each at the first place where it has one. */
export function placesIn(schema: Schema, base: JsonObject): readonly Place[] {
  const spec = schema.properties?.spec;
  if (spec === undefined) throw new Error('the schema has no spec');
  const places = new Map<string, Place>();
  for (const place of walk({ schema: spec, value: base.spec, field: 'spec', path: 'spec', set: (value) => ({ spec: value }) }))
    if (!places.has(place.field)) places.set(place.field, place);
  return [...places.values()];
}

function walk(place: Place): readonly Place[] {
  const { schema, value, field, path } = place;
  if (path === undefined) return [place];
  if (Array.isArray(value)) return [place, ...value.flatMap((item, index) => itemPlace(schema, item, field, `${path}.${index}`))];
  if (!isJsonObject(value)) return [place];
  const inner = Object.entries(value).flatMap(([key, child]) => {
    const property = schema.properties?.[key];
    if (property !== undefined) return walk({ ...at(`${path}.${key}`), schema: property, value: child, field: `${field}.${key}` });
    const { additionalProperties } = schema;
    if (additionalProperties === undefined) return [];
    const set = (other: unknown) => ({ [path]: { ...value, [key]: other } });
    return [{ schema: additionalProperties, value: child, field: `${field}.*`, path: undefined, set }];
  });
  return [place, ...inner];
}

function itemPlace({ items }: Schema, value: unknown, field: string, path: string): readonly Place[] {
  return items === undefined ? [] : walk({ ...at(path), schema: items, value, field: `${field}[]` });
}

function at(path: string): Pick<Place, 'path' | 'set'> {
  return { path, set: (value) => ({ [path]: value }) };
}

/**
 * For each limit of each field one value that is just beyond it: another type, a word that is not in the enumeration, one character or item too many or too few, the number beside the
 * range, a required field left out, a field that is not there, a key twice. The object has a value for every field.
 */
export function limitMutations(schema: Schema, base: JsonObject): readonly Mutation[] {
  return placesIn(schema, base).flatMap((place) => [...own(place), ...fields(place)]);
}

function own({ schema, value, field, set }: Place): readonly Mutation[] {
  const beyond: readonly (readonly [string, unknown])[] = [
    ['of another type', schema.type === 'string' ? 7 : schema.type === 'array' ? {} : 'text'],
    ...(schema.enum === undefined ? [] : [['outside of its enumeration', 'Other'] as const]),
    ...(schema.pattern === undefined ? [] : [['against its pattern', '\u0001'.repeat(schema.minLength ?? 1)] as const]),
    ...(schema.minLength === undefined ? [] : [['too short', 'a'.repeat(schema.minLength - 1)] as const]),
    ...(schema.maxLength === undefined ? [] : [['too long', 'a'.repeat(schema.maxLength + 1)] as const]),
    ...(schema.minimum === undefined ? [] : [['below its range', schema.minimum - 1] as const]),
    ...(schema.maximum === undefined ? [] : [['above its range', schema.maximum + 1] as const]),
    ...(Array.isArray(value) ? listFaults(schema, value) : isJsonObject(value) ? mapFaults(schema, value) : []),
  ];
  return beyond.map(([fault, wrong]) => ({ says: `${field} ${fault}`, set: set(wrong) }));
}

function listFaults({ minItems, maxItems, ...schema }: Schema, [first]: readonly unknown[]): readonly (readonly [string, unknown])[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const item = (index: number) =>
    isJsonObject(first) ? { ...first, ...Object.fromEntries(keys.map((key) => [key, `n${index}`])) } : first;
  const items = (length: number) => Array.from({ length }, (_, index) => item(index));
  return [
    ...(minItems === undefined ? [] : [['with too few items', items(minItems - 1)] as const]),
    ...(maxItems === undefined ? [] : [['with too many items', items(maxItems + 1)] as const]),
    ...(keys.length === 0 ? [] : [['with a key twice', [first, first]] as const]),
  ];
}

function mapFaults({ minProperties, maxProperties }: Schema, value: JsonObject): readonly (readonly [string, unknown])[] {
  const [first] = Object.values(value);
  const entries = (length: number) => Object.fromEntries(Array.from({ length }, (_, index) => [`key${index}`, first]));
  return [
    ...(minProperties === undefined ? [] : [['with too few entries', entries(minProperties - 1)] as const]),
    ...(maxProperties === undefined ? [] : [['with too many entries', entries(maxProperties + 1)] as const]),
  ];
}

/** What can be wrong with the fields of an object: one is missing, one is too many. */
function fields({ schema, value, field, path }: Place): readonly Mutation[] {
  if (path === undefined || schema.properties === undefined || !isJsonObject(value)) return [];
  return [
    ...(schema.required ?? []).map((key) => ({ says: `${field} without ${key}`, set: { [`${path}.${key}`]: undefined } })),
    { says: `${field} with a field that is not there`, set: { [`${path}.unheardOf`]: { a: [{ b: 1 }] } } },
  ];
}
