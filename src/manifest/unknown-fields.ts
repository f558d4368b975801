import { isJsonObject } from '../lib/json-object.ts';
import { type FieldError, type FieldPath, unknownField } from './field-error.ts';
import type { Schema } from './schema.ts';

/** The fields of a value that its schema does not have; inside a value of a wrong type these are all. */
export function unknownFields(value: unknown, schema: Schema | undefined, at: FieldPath = []): readonly FieldError[] {
  if (schema?.['x-kubernetes-preserve-unknown-fields']) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownFields(item, schema?.items, [...at, index]));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const property = propertyOf(schema, key);
    return property === undefined ? [unknownField([...at, key])] : unknownFields(inner, property, [...at, key]);
  });
}

/** The schema of a field or of a map's value, where there is one. */
export function propertyOf(schema: Schema | undefined, key: string): Schema | undefined {
  const properties = schema?.properties ?? {};
  return Object.hasOwn(properties, key) ? properties[key] : schema?.additionalProperties;
}
