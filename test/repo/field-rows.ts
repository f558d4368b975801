import { itemDefaults } from '../../src/api/item-defaults.ts';
import type { Schema } from '../../src/manifest/schema.ts';

/** One field of the API as the reference page shows it; texts are Markdown without table syntax. */
export interface FieldRow {
  /** `spec.triggers[].webhook.path` */
  readonly path: string;
  readonly type: string;
  /** `required`, the default, or empty. */
  readonly default: string;
  readonly range: string;
  readonly description: string;
}

/** Defaults that the API server does not know, and `compile` fills in. */
const ownDefaults: Readonly<Record<string, unknown>> = {
  ...itemDefaults,
  'spec.triggers[].webhook.path': '/<agent>/<trigger>',
};

/** Every field below a schema, parents before children, in the order of the schema. */
export function fieldRows(schema: Schema, path: string, required: boolean): readonly FieldRow[] {
  const row: FieldRow = {
    path,
    type: typeText(schema),
    default: required ? 'required' : defaultText(schema.default ?? ownDefaults[path]),
    range: rangeText(schema),
    description: schema.description ?? '',
  };
  const { properties, items } = schema;
  if (items?.properties !== undefined) return [row, ...propertyRows(items, `${path}[]`)];
  return properties === undefined ? [row] : [row, ...propertyRows(schema, path)];
}

function propertyRows(schema: Schema, path: string): readonly FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    fieldRows(property, `${path}.${name}`, schema.required?.includes(name) ?? false),
  );
}

function typeText({ type, enum: values, items, additionalProperties }: Schema): string {
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  if (items !== undefined) return `list of ${typeText(items)}`;
  return additionalProperties === undefined ? type : `map to ${typeText(additionalProperties)}`;
}

function defaultText(value: unknown): string {
  if (value === undefined) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function rangeText(schema: Schema): string {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties, items, additionalProperties } = schema;
  const own = [
    between(minimum, maximum, ''),
    between(minLength, maxLength, ' characters'),
    between(minItems, maxItems, ' items'),
    between(minProperties, maxProperties, ' entries'),
  ];
  const inner = items?.properties === undefined ? (items ?? additionalProperties) : undefined;
  const each = inner === undefined ? '' : rangeText(inner);
  return [...own, each === '' ? '' : `each ${each}`].filter((text) => text !== '').join('; ');
}

function between(least: number | undefined, most: number | undefined, unit: string): string {
  if (most === undefined) return least === undefined ? '' : `at least ${least}${unit}`;
  return least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`;
}
