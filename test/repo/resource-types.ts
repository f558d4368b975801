import { isDeepStrictEqual } from 'node:util';
import { compile } from 'json-schema-to-typescript';
import type { Schema } from '../../src/manifest/schema.ts';

/** A JSON Schema as the compiler takes it. */
type JsonSchema = Parameters<typeof compile>[0];

/** One kind of resource. */
export interface ResourceKind {
  readonly kind: string;
  /** The file of its CustomResourceDefinition. */
  readonly crd: string;
  /** The longest name that a rule of it allows. */
  readonly nameLength: number;
}

/** The kinds that there are. */
export const resourceKinds = {
  eventAgent: { kind: 'EventAgent', crd: 'crds/eventagents.yaml', nameLength: 40 },
  agentSchedule: { kind: 'AgentSchedule', crd: 'crds/agentschedules.yaml', nameLength: 63 },
  deadLetterRedrive: { kind: 'DeadLetterRedrive', crd: 'crds/deadletterredrives.yaml', nameLength: 63 },
} as const satisfies Readonly<Record<string, ResourceKind>>;

/** What Kubernetes itself says of `metadata`; a CustomResourceDefinition must not repeat it. */
function objectMeta({ nameLength }: ResourceKind): JsonSchema {
  return {
    title: 'ObjectMeta',
    type: 'object',
    description: 'The standard metadata of Kubernetes; further fields are kept and not looked at.',
    required: ['name', 'namespace'],
    properties: {
      name: { type: 'string', description: `A DNS label of at most ${nameLength} characters.` },
      namespace: { type: 'string', description: 'A DNS label; `default` where the manifest names none.' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      annotations: { type: 'object', additionalProperties: { type: 'string' } },
    },
  };
}

/**
 * The TypeScript of a kind of resource, made from its schema: a type for each title, descriptions as comments, everything readonly.
 * Fields with a default are required: these are the types of a resource after defaults were applied.
 */
export async function resourceTypes(schema: Schema, resource: ResourceKind): Promise<string> {
  const definitions: Record<string, JsonSchema> = {};
  const { properties = {}, ...root } = schema;
  const typed = convert(
    { ...root, properties: { ...properties, metadata: { type: 'object' } }, required: ['apiVersion', 'kind', 'metadata', 'spec'] },
    definitions,
  );
  definitions.ObjectMeta = objectMeta(resource);
  const source = await compile(
    { ...typed, properties: { ...typed.properties, metadata: { $ref: '#/definitions/ObjectMeta' } }, definitions },
    resource.kind,
    {
      additionalProperties: false,
      bannerComment: `// Generated from ${resource.crd} by \`npm run generate\`. Do not edit.`,
      ignoreMinAndMaxItems: true,
      unknownAny: true,
      style: { singleQuote: true, printWidth: 140, semi: true },
    },
  );
  return readonlyFields(source);
}

/** The same schema in the compiler's terms; nested objects with a title become definitions, so that equal ones become one type. */
function convert(schema: Schema, definitions: Record<string, JsonSchema>): JsonSchema {
  const { type, title, description, properties, additionalProperties, items } = schema;
  const out: JsonSchema = { type, ...(title === undefined ? {} : { title }), ...(description === undefined ? {} : { description }) };
  if (schema.enum !== undefined) out.enum = [...schema.enum];
  if (items !== undefined) out.items = nested(items, definitions);
  if (additionalProperties !== undefined) out.additionalProperties = nested(additionalProperties, definitions);
  if (schema['x-kubernetes-preserve-unknown-fields']) out.additionalProperties = true;
  if (properties !== undefined) {
    const entries = Object.entries(properties);
    out.properties = Object.fromEntries(entries.map(([name, property]) => [name, nested(property, definitions)]));
    out.required = entries.flatMap(([name, property]) => (property.default !== undefined || schema.required?.includes(name) ? [name] : []));
  }
  return out;
}

function nested(schema: Schema, definitions: Record<string, JsonSchema>): JsonSchema {
  const converted = convert(schema, definitions);
  if (schema.title === undefined) return converted;
  const { description, ...shape } = converted;
  const known = definitions[schema.title];
  if (known === undefined) definitions[schema.title] = converted;
  else if (!isDeepStrictEqual({ ...known, description }, { ...shape, description }))
    throw new Error(`two schemas are titled ${schema.title} and differ`);
  return { $ref: `#/definitions/${schema.title}` };
}

/** The compiler has no option for readonly; its output has one property a line. */
function readonlyFields(source: string): string {
  return source
    .replace(/^(\s+)(\w+\??:)(?=\s)/gm, '$1readonly $2')
    .replace(/^(\s+)(\[k: string\]: )/gm, '$1readonly $2')
    .replace(/: ([\w']+|\(.*\))\[\];$/gm, ': readonly $1[];');
}
