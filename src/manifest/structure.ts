import { hasOwn, isJsonObject, type JsonObject } from '../lib/json-object.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  goFloat,
  invalid,
  isInt64,
  notSupported,
  pathText,
  required,
  tooLong,
  tooMany,
  wrongType,
} from './field-error.ts';
import type { Schema } from './schema.ts';
import { propertyOf } from './unknown-fields.ts';

/**
 * What the schema alone says against a value, rules apart. Order, wording and what is looked at after a wrong type follow the API server.
 * https://github.com/kubernetes/kube-openapi/tree/master/pkg/validation/validate
 */
export function structuralErrors(value: unknown, schema: Schema, at: FieldPath = []): readonly FieldError[] {
  return [...typeErrors(value, schema, at), ...enumErrors(value, schema, at), ...contentErrors(value, schema, at)];
}

function contentErrors(value: unknown, schema: Schema, at: FieldPath): readonly FieldError[] {
  if (typeof value === 'string') return stringErrors(value, schema, at);
  if (typeof value === 'number') return numberErrors(value, schema, at);
  if (Array.isArray(value)) return listErrors(value, schema, at);
  return isJsonObject(value) ? objectErrors(value, schema, at) : [];
}

/** The type of a value in JSON Schema's words. */
function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return isInt64(value) ? 'integer' : 'number';
  return typeof value;
}

function typeErrors(value: unknown, schema: Schema, at: FieldPath): readonly FieldError[] {
  const found = typeOf(value);
  if (found === schema.type) return [];
  const named = schema.format !== undefined && found !== 'string' && found !== 'array' && found !== 'null';
  if (named) return [wrongType(at, schema.format ?? schema.type, found === 'number' ? 'float64' : '')];
  return [wrongType(at, schema.type, found)];
}

function enumErrors(value: unknown, schema: Schema, at: FieldPath): readonly FieldError[] {
  if (schema.enum === undefined || schema.enum.some((supported) => supported === value)) return [];
  return [notSupported(at, value, schema.enum)];
}

/** Only the first that is wrong, as the API server does. */
function stringErrors(value: string, schema: Schema, at: FieldPath): readonly FieldError[] {
  const { maxLength, minLength, pattern } = schema;
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength) return [tooLong(at, maxLength)];
  if (minLength !== undefined && length < minLength)
    return [invalid(at, value, `${pathText(at)} in body should be at least ${minLength} chars long`)];
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value))
    return [invalid(at, value, `${pathText(at)} in body should match '${pattern}'`)];
  return [];
}

/** A range is written as the value is. */
function numberErrors(value: number, schema: Schema, at: FieldPath): readonly FieldError[] {
  const { minimum, maximum } = schema;
  const text = isInt64(value) ? String : goFloat;
  const errors: FieldError[] = [];
  if (minimum !== undefined && value < minimum)
    errors.push(invalid(at, value, `${pathText(at)} in body should be greater than or equal to ${text(minimum)}`));
  if (maximum !== undefined && value > maximum)
    errors.push(invalid(at, value, `${pathText(at)} in body should be less than or equal to ${text(maximum)}`));
  return errors;
}

function listErrors(value: readonly unknown[], schema: Schema, at: FieldPath): readonly FieldError[] {
  const { items, minItems, maxItems } = schema;
  const errors = items === undefined ? [] : value.flatMap((item, index) => structuralErrors(item, items, [...at, index]));
  if (minItems !== undefined && value.length < minItems)
    errors.push(invalid(at, value.length, `${pathText(at)} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(at, value.length, maxItems));
  return schema['x-kubernetes-list-type'] === 'map'
    ? [...errors, ...keyErrors(value, schema['x-kubernetes-list-map-keys'] ?? [], at)]
    : errors;
}

function objectErrors(value: JsonObject, schema: Schema, at: FieldPath): readonly FieldError[] {
  const { minProperties, maxProperties } = schema;
  const keys = Object.keys(value);
  const errors: FieldError[] = [];
  if (minProperties !== undefined && keys.length < minProperties)
    errors.push(invalid(at, keys.length, `${pathText(at)} in body should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && keys.length > maxProperties) errors.push(tooMany(at, keys.length, maxProperties));
  for (const key of keys) {
    const property = propertyOf(schema, key);
    if (property !== undefined) errors.push(...structuralErrors(value[key], property, [...at, key]));
  }
  for (const key of schema.required ?? []) if (!hasOwn(value, key)) errors.push(required([...at, key]));
  return errors;
}

/** Lists that are maps by a key: no two items may share it. Each key is reported once. */
function keyErrors(items: readonly unknown[], keys: readonly string[], at: FieldPath): readonly FieldError[] {
  const stray = items.findIndex((item) => item !== null && !isJsonObject(item));
  if (stray >= 0) return [invalid([...at, stray], items[stray], 'must be an object for an array of list-type map')];
  const seen = new Map<string, number>();
  return items.flatMap((item, index) => {
    const key = Object.fromEntries(keys.flatMap((name) => (isJsonObject(item) && hasOwn(item, name) ? [[name, item[name]]] : [])));
    const text = JSON.stringify(key);
    const times = seen.get(text) ?? 0;
    seen.set(text, times + 1);
    return times === 1 ? [duplicate([...at, index], key)] : [];
  });
}
