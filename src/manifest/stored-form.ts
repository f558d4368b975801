import { isJsonObject } from '../lib/json-object.ts';
import type { Schema } from './schema.ts';
import { propertyOf } from './unknown-fields.ts';

/**
 * A copy of a value as the API server stores it: unknown fields dropped, defaults filled in (in place of null too), and null taken for absent in objects.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
 */
export function asStored(value: unknown, schema: Schema | undefined): unknown {
  if (schema?.['x-kubernetes-preserve-unknown-fields']) return value;
  if (Array.isArray(value)) return value.map((item) => asStored(item, schema?.items));
  if (!isJsonObject(value)) return value;
  const present = Object.entries(value).flatMap(([key, inner]) => {
    const property = propertyOf(schema, key);
    const filled = inner === null ? property?.default : inner;
    return property === undefined || filled === undefined ? [] : [[key, asStored(filled, property)] as const];
  });
  const missing = Object.entries(schema?.properties ?? {}).flatMap(([key, property]) =>
    property.default === undefined || Object.hasOwn(value, key) ? [] : [[key, asStored(property.default, property)] as const],
  );
  return Object.fromEntries([...present, ...missing]);
}
