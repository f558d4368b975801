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
