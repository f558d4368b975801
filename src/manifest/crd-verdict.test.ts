import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fullAgent } from '../../test/support/full-agent.ts';
import { mutated } from '../../test/support/mutation.ts';
import { rulesOf } from '../../test/support/schema-rules.ts';
import { structureMutations } from '../../test/support/structure-mutations.ts';
import { valueMutations } from '../../test/support/value-mutations.ts';
import { verdictOn } from './crd-verdict.ts';
import { readEventAgentSchema } from './schema.ts';

const schema = readEventAgentSchema();
/** What the validation of Kubernetes 1.37 says of each mutation, recorded from its own code, without the remark that rules were not checked. */
const recorded = JSON.parse(readFileSync(new URL('../../test/support/golden/agent-verdicts.json', import.meta.url), 'utf8')) as Record<
  string,
  string[]
>;
const mutations = [...structureMutations, ...valueMutations];

const lineOf = () => 1;

function findingsOf(value: unknown): readonly string[] {
  const verdict = verdictOn({ value, lineOf }, schema);
  return verdict.valid ? [] : verdict.findings.map(({ path, message }) => `${path}: ${message}`);
}

describe('the verdict on an EventAgent', () => {
  for (const { says, set } of mutations)
    it(`is that of Kubernetes where ${says}`, () =>
      assert.deepEqual(new Set(findingsOf(mutated(fullAgent(), set))), new Set(recorded[says])));

  it('was recorded for each mutation, and for no other', () =>
    assert.deepEqual(
      Object.keys(recorded),
      mutations.map(({ says }) => says),
    ));

  it('covers every rule of the schema with at least three mutations', () => {
    const said = Object.values(recorded).map((lines) => lines.join('\n'));
    for (const { path, rule } of rulesOf(schema)) {
      const field = `${path}${rule.fieldPath ?? ''}`.replaceAll('[]', '').replace(/^\./, '');
      const broken = said.filter((lines) => lines.replaceAll(/\[\d+\]/g, '').includes(`${field}: `) && lines.includes(rule.message));
      assert.ok(broken.length >= 3, `${broken.length} mutations break the rule at ${field}: ${rule.message}`);
    }
  });

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
