import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fullAgent } from '../../test/support/full-agent.ts';
import { placesIn } from '../../test/support/limit-mutations.ts';
import { mutated } from '../../test/support/mutation.ts';
import { fieldsOf, rulesOf } from '../../test/support/schema-rules.ts';
import { recordedVerdicts, verdictCorpora } from '../../test/support/verdict-corpus.ts';
import { verdictOn } from './crd-verdict.ts';
import { readEventAgentSchema, type Schema } from './schema.ts';

/** What each kind of limit says, by the schema's own word for it; lists and maps say the same of too many. */
const limits = {
  type: /: \S+ in body must be of type /,
  enum: /: Unsupported value: /,
  pattern: /: \S+ in body should match '/,
  minLength: /: \S+ in body should be at least \d+ chars long$/,
  maxLength: /: Too long: may not be more than \d+ bytes$/,
  minimum: /: \S+ in body should be greater than or equal to /,
  maximum: /: \S+ in body should be less than or equal to /,
  minItems: /: \S+ in body should have at least \d+ items$/,
  maxItems: /: Too many: \d+: must have at most \d+ items$/,
  minProperties: /: \S+ in body should have at least \d+ properties$/,
  maxProperties: /: Too many: \d+: must have at most \d+ items$/,
  required: /: Required value$/,
  'x-kubernetes-list-map-keys': /: Duplicate value: \{/,
  properties: /: unknown field$/,
} as const satisfies Partial<Record<keyof Schema, RegExp>>;

/** The field of the schema that a line is about, with `[]` for indices. */
function fieldIn(line: string): string {
  return line.slice(0, line.indexOf(': ')).replaceAll(/\[\d+\]/g, '[]');
}

/** Whether a line is about a limit of a field; it stands at the field itself, at one of its items, or at what it lacks or has too much. */
function isAbout(line: string, field: string, keyword: keyof Schema): boolean {
  const place = fieldIn(line);
  if (keyword === 'x-kubernetes-list-map-keys') return place === `${field}[]`;
  if (keyword === 'required' || keyword === 'properties') return place.slice(0, place.lastIndexOf('.')) === field;
  return place === field || (field.endsWith('.*') && place.startsWith(field.slice(0, -1)));
}

for (const corpus of verdictCorpora) {
  const { resource, mutations, object } = corpus;
  const recorded = recordedVerdicts(corpus);
  const said = Object.values(recorded);
  const fields = fieldsOf(corpus.schema.properties?.spec ?? assert.fail('the schema has no spec'), 'spec');

  describe(`the verdict on an ${resource.kind}`, () => {
    for (const mutation of mutations)
      it(`is that of Kubernetes where ${mutation.says}`, () =>
        assert.deepEqual(corpus.verdict(object(mutation)).findings, recorded[mutation.says]));

    it('was recorded for each mutation, and for no other', () =>
      assert.deepEqual(
        Object.keys(recorded),
        mutations.map(({ says }) => says),
      ));

    it('was recorded for at least three mutations against each rule of the schema', () => {
      for (const { path, rule } of rulesOf(corpus.schema)) {
        // Says nothing of an object that is only being made: see test/integration/crd-changes.test.ts.
        if (rule.rule.includes('oldSelf')) continue;
        const field = `${path}${rule.fieldPath ?? ''}`.replace(/^\./, '');
        const broken = said.filter((lines) => lines.some((line) => fieldIn(line) === field && line.endsWith(`: ${rule.message}`)));
        assert.ok(broken.length >= 3, `${broken.length} mutations break the rule at ${field}: ${rule.message}`);
      }
    });

    it('was recorded for a mutation against each limit of each field, and for at least three against each kind of limit', () => {
      for (const [keyword, words] of Object.entries(limits) as [keyof typeof limits, RegExp][]) {
        const limited = fields.filter(({ schema }) => schema[keyword] !== undefined);
        const breaking = (field: string) => said.filter((lines) => lines.some((line) => words.test(line) && isAbout(line, field, keyword)));
        const broken = limited.map(({ field }) => [field, breaking(field).length] as const);
        const unbroken = broken.filter(([, count]) => count === 0).map(([field]) => field);
        assert.deepEqual(unbroken, [], `no mutation breaks ${keyword}`);
        const total = broken.reduce((sum, [, count]) => sum + count, 0);
        assert.ok(limited.length === 0 || total >= 3, `${total} mutations break a limit of the kind ${keyword}`);
      }
    });

    it('was recorded for changes of an object that has every field', () => {
      const places = placesIn(corpus.schema, object({ says: '', set: {} }));
      const left = fields.filter(({ field }) => !places.some((place) => place.field === field)).map(({ field }) => field);
      // An interval is given instead of a cron expression.
      assert.deepEqual(left, resource.kind === 'AgentSchedule' ? ['spec.every'] : []);
    });
  });
}

describe('the verdict on an EventAgent, beside Kubernetes', () => {
  const schema = readEventAgentSchema();
  const lineOf = () => 1;
  const findingsOf = (value: unknown): readonly string[] => {
    const verdict = verdictOn({ value, lineOf }, schema);
    return verdict.valid ? [] : verdict.findings.map(({ path, message }) => `${path}: ${message}`);
  };

  it('fills in defaults and the namespace', () => {
    const bare = mutated(fullAgent(), {
      'metadata.namespace': undefined,
      'spec.delivery': { concurrency: 7 },
      'spec.idempotency': undefined,
      'spec.suspend': undefined,
      'spec.agent.maxTokens': undefined,
    });
    const verdict = verdictOn({ value: bare, lineOf }, schema);
    assert.ok(verdict.valid);
    const { metadata, spec } = verdict.agent;
    assert.equal(metadata.namespace, 'default');
    assert.deepEqual(spec.delivery, {
      concurrency: 7,
      maxAttempts: 4,
      retryDelaysSeconds: [10, 60, 300],
      eventTtlSeconds: 86_400,
      runTimeoutSeconds: 300,
    });
    assert.deepEqual(spec.idempotency, { retentionSeconds: 604_800 });
    assert.equal(spec.suspend, false);
    assert.equal(spec.agent.maxTokens, 1024);
    assert.deepEqual(spec.outputs?.[1], { name: 'plain', http: { url: 'https://example.com' } }, 'nothing is filled in inside lists');
  });

  it('gives each resource its own defaults', () => {
    const first = verdictOn({ value: mutated(fullAgent(), { 'spec.delivery': undefined }), lineOf }, schema);
    const second = verdictOn({ value: mutated(fullAgent(), { 'spec.delivery': undefined }), lineOf }, schema);
    assert.ok(first.valid && second.valid);
    assert.notEqual(first.agent.spec.delivery, second.agent.spec.delivery);
    assert.notEqual(first.agent.spec.delivery.retryDelaysSeconds, second.agent.spec.delivery.retryDelaysSeconds);
  });

  it('lists findings by path', () => {
    const paths = verdictOn(
      { value: mutated(fullAgent(), { 'spec.suspend': 1, 'spec.agent.model': 1, 'metadata.name': 'A' }), lineOf },
      schema,
    );
    assert.ok(!paths.valid);
    assert.deepEqual(
      paths.findings.map(({ path }) => path),
      ['metadata.name', 'spec.agent.model', 'spec.suspend'],
    );
  });

  const metadata: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['no metadata', undefined, ['metadata.name: Required value: name or generateName is required']],
    ['metadata that is a list', [], ['metadata: Invalid value: "array": metadata in body must be of type object: "array"']],
    [
      'a name that is a number',
      { name: 7 },
      ['metadata.name: Invalid value: "number": metadata.name in body must be of type string: "number"'],
    ],
    ['labels, annotations and what the server writes', { name: 'a', labels: { a: 'b' }, annotations: {}, uid: 'x', managedFields: [] }, []],
    [
      'a label that is a number',
      { name: 'a', labels: { a: 1 } },
      ['metadata.labels.a: Invalid value: "number": metadata.labels.a in body must be of type string: "number"'],
    ],
    [
      'labels that are a list',
      { name: 'a', labels: [] },
      ['metadata.labels: Invalid value: "array": metadata.labels in body must be of type object: "array"'],
    ],
    ...['Team', '-a', 'a_b'].map(
      (namespace) =>
        [
          `the namespace ${namespace}`,
          { name: 'a', namespace },
          [
            `metadata.namespace: Invalid value: "${namespace}": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
          ],
        ] as const,
    ),
    ['a namespace with dots', { name: 'a', namespace: 'a.b' }, ['metadata.namespace: Invalid value: "a.b": must not contain dots']],
    [
      'a namespace that is too long',
      { name: 'a', namespace: 'a'.repeat(64) },
      [`metadata.namespace: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`],
    ],
    ['a namespace of the greatest length', { name: 'a', namespace: 'a'.repeat(63) }, []],
    ['a field that metadata does not have', { name: 'a', nmespace: 'b' }, ['metadata.nmespace: unknown field']],
  ];
  for (const [says, value, expected] of metadata)
    it(`on metadata: ${says}`, () => assert.deepEqual(findingsOf({ ...fullAgent(), metadata: value }), expected));

  it('does not take a key of the prototype for a field', () =>
    assert.deepEqual(findingsOf(mutated(fullAgent(), { 'spec.constructor': {}, 'spec.toString': 1 })), [
      'spec.constructor: unknown field',
      'spec.toString: unknown field',
    ]));
});
