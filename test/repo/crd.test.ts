import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { itemDefaults } from '../../src/api/item-defaults.ts';
import { deadLetterReasons, strayReasons } from '../../src/api/reasons.ts';
import {
  AGENT_SCHEDULE_CRD,
  DEAD_LETTER_REDRIVE_CRD,
  EVENT_AGENT_CRD,
  readAgentScheduleSchema,
  readDeadLetterRedriveSchema,
  readEventAgentSchema,
  type Schema,
} from '../../src/manifest/schema.ts';

interface Node {
  readonly path: string;
  readonly schema: Schema;
  /** Whether it lies inside an object of a list. */
  readonly inItem: boolean;
}

function nodes(schema: Schema | undefined, path: string, inItem: boolean): readonly Node[] {
  if (schema === undefined) return [];
  const { items, additionalProperties, properties = {} } = schema;
  return [
    { path, schema, inItem },
    ...(items === undefined ? [] : nodes(items, `${path}[]`, items.properties !== undefined)),
    ...(additionalProperties === undefined ? [] : nodes(additionalProperties, `${path}.*`, inItem)),
    ...Object.entries(properties).flatMap(([name, property]) => nodes(property, `${path}.${name}`, inItem)),
  ];
}

const kinds = [
  {
    kind: 'EventAgent',
    file: EVENT_AGENT_CRD,
    schema: readEventAgentSchema(),
    leastFields: 60,
    /** Defaults that the API server does not know, by path. */
    ownDefaults: [
      ...Object.entries(itemDefaults).map(([path, value]) => [path, String(value)] as const),
      ['spec.triggers[].webhook.path', '/<agent>/<trigger>'] as const,
    ],
  },
  { kind: 'AgentSchedule', file: AGENT_SCHEDULE_CRD, schema: readAgentScheduleSchema(), leastFields: 10, ownDefaults: [] },
  { kind: 'DeadLetterRedrive', file: DEAD_LETTER_REDRIVE_CRD, schema: readDeadLetterRedriveSchema(), leastFields: 10, ownDefaults: [] },
];

it('names exactly the dead-letter reasons that there are', () =>
  assert.deepEqual(
    readDeadLetterRedriveSchema().properties?.spec?.properties?.filter?.properties?.reason?.enum,
    Object.keys({ ...deadLetterReasons, ...strayReasons }),
  ));

for (const { kind, file, schema, leastFields, ownDefaults } of kinds) {
  const all = nodes(schema.properties?.spec, 'spec', false);
  const withStatus = [...all, ...nodes(schema.properties?.status, 'status', false)];

  const pathsWhere = (wrong: (node: Node) => boolean, among: readonly Node[] = all) => among.filter(wrong).map(({ path }) => path);

  describe(`the CustomResourceDefinition of ${kind}`, () => {
    it('has fields', () => assert.ok(all.length > leastFields && withStatus.length > all.length, `${all.length}`));

    it('stays under 200 KiB', () => assert.ok(statSync(file).size < 204_800));

    it('describes every field in a sentence', () =>
      assert.deepEqual(
        pathsWhere(({ schema }) => !/^\S.*\S\.$/.test(schema.description ?? ''), withStatus),
        [],
      ));

    it('has a maximum on every list, map and string', () =>
      assert.deepEqual(
        pathsWhere(({ schema }) => {
          if (schema.type === 'array') return schema.maxItems === undefined;
          if (schema.type === 'string') return schema.maxLength === undefined && schema.enum === undefined && schema.format !== 'date-time';
          const open = schema.additionalProperties !== undefined || schema['x-kubernetes-preserve-unknown-fields'] === true;
          return open && schema.maxProperties === undefined;
        }, withStatus),
        [],
      ));

    it('has a range on every number', () =>
      assert.deepEqual(
        pathsWhere(({ schema }) => schema.type === 'integer' && (schema.minimum === undefined || schema.maximum === undefined)),
        [],
      ));

    it('writes enumerations in PascalCase, or as HTTP does, or as intervals', () =>
      assert.deepEqual(
        pathsWhere(({ schema }) => (schema.enum ?? []).some((value) => !/^([A-Z][A-Za-z]*|[A-Z]+|[0-9]+[mh])$/.test(value))),
        [],
      ));

    it('names the range of a number in its description', () =>
      assert.deepEqual(
        pathsWhere(({ schema }) =>
          [schema.minimum, schema.maximum].some((bound) => bound !== undefined && !schema.description?.includes(String(bound))),
        ),
        [],
      ));

    it('has no default inside lists, where GitOps tools would see drift', () =>
      assert.deepEqual(
        pathsWhere(({ schema, inItem }) => inItem && schema.default !== undefined),
        [],
      ));

    it('describes the defaults inside lists as the code has them, and no others', () => {
      const described = all.flatMap(({ path, schema }): (readonly [string, string])[] => {
        const [, value] = /Default: `([^`]*)`\.$/.exec(schema.description ?? '') ?? [];
        return value === undefined ? [] : [[path, value]];
      });
      assert.deepEqual(new Map(described), new Map<string, string>(ownDefaults));
    });

    it('keeps its defaults within its own ranges', () =>
      assert.deepEqual(
        pathsWhere(({ schema }) => {
          const { default: value, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
          return typeof value === 'number' && (value < minimum || value > maximum);
        }),
        [],
      ));
  });
}
