import type { Rule, Schema } from '../../src/manifest/schema.ts';

/** Every rule of a schema with the path of its value, `[]` for the items of a list; the root's path is empty. */
export function rulesOf(schema: Schema, path = ''): readonly { readonly path: string; readonly rule: Rule }[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map((rule) => ({ path, rule }));
  const items = schema.items === undefined ? [] : rulesOf(schema.items, `${path}[]`);
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    rulesOf(property, path === '' ? name : `${path}.${name}`),
  );
  return [...own, ...items, ...properties];
}

/** A field of a schema. */
export interface SchemaField {
  /** `[]` stands for the items of a list, `*` for the values of a map. */
  readonly field: string;
  readonly schema: Schema;
}

/** A field and all fields below it. */
export function fieldsOf(schema: Schema, field: string): readonly SchemaField[] {
  const { items, additionalProperties, properties = {} } = schema;
  return [
    { field, schema },
    ...(items === undefined ? [] : fieldsOf(items, `${field}[]`)),
    ...(additionalProperties === undefined ? [] : fieldsOf(additionalProperties, `${field}.*`)),
    ...Object.entries(properties).flatMap(([name, property]) => fieldsOf(property, `${field}.${name}`)),
  ];
}
