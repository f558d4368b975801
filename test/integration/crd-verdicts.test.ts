import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { resources } from '../../src/kube/resources.ts';
import { type KubernetesVersion, kubernetesVersions } from '../parts/kubernetes-programs.ts';
import { clusterWithDefinitions } from '../support/definitions.ts';
import { fullAgent } from '../support/full-agent.ts';
import { randomMutations } from '../support/random-mutations.ts';
import { apiJudge, askAll, type ServerVerdict } from '../support/server-verdict.ts';
import { type ObjectVerdict, recordedVerdicts, sortedLines, verdictCorpora } from '../support/verdict-corpus.ts';

/**
 * A line as every version has it. `eventagent validate` speaks as Kubernetes 1.37 does; 1.35 names another type of a number than 1.37 does where the number has a format:
 * `must be of type integer: "boolean"` there, `must be of type int32: ""` here.
 */
function inWordsOfAll(version: KubernetesVersion, lines: readonly string[]): readonly string[] {
  if (version === '1.37') return lines;
  return lines.map((line) =>
    line.replace(/^(.+): Invalid value: "\w*": \1 in body must be of type (integer|int32|int64): "\w*"$/, '$1: must be of type integer'),
  );
}

/** How many random changes of an object are tried beside the written ones. */
const RANDOM = 300;

/** Where server and `eventagent validate` are of two minds. */
function difference(version: KubernetesVersion, theirs: ServerVerdict, ours: ObjectVerdict): readonly string[] {
  const [server, validate] = [inWordsOfAll(version, theirs.findings), inWordsOfAll(version, ours.findings)];
  return [
    ...server.filter((line) => !validate.includes(line)).map((line) => `the server alone: ${line}`),
    ...validate.filter((line) => !server.includes(line)).map((line) => `validate alone: ${line}`),
    ...theirs.asides.filter((aside) => !isToldOf(aside, theirs.findings)).map((aside) => `told of no field: ${aside}`),
  ];
}

/** Whether what the server says beside the fields is said of a field as well. */
function isToldOf(aside: string, findings: readonly string[]): boolean {
  const [, path] = / must be of type \w+ with format \w+ in (\S+)$/.exec(aside) ?? /^\.(spec\.replicas): /.exec(aside) ?? [];
  if (path === undefined) return aside.includes('some validation rules were not checked') && findings.length > 0;
  return findings.some((line) => line.startsWith(`${path}: `) || line.startsWith('spec: Invalid value'));
}

for (const version of kubernetesVersions)
  suite(`Kubernetes ${version} and \`eventagent validate\``, () => {
    for (const corpus of verdictCorpora) {
      const { resource, mutations, object } = corpus;

      test(`say the same of each changed ${resource.kind}, and fill in the same`, async (t) => {
        const cluster = await clusterWithDefinitions(t, version);
        if (cluster === undefined) return;
        await using judge = await apiJudge(cluster);
        const random = randomMutations(corpus.schema, object({ says: '', set: {} }), 1, RANDOM);
        const answers = await askAll([...mutations, ...random], (mutation) => judge.verdict(resource, object(mutation)));
        const differences = answers.flatMap(([mutation, theirs]) => {
          const lines = difference(version, theirs, corpus.verdict(object(mutation)));
          return lines.length === 0 ? [] : [[mutation.says, lines] as const];
        });
        assert.deepEqual(Object.fromEntries(differences), {});
        const stored = answers.filter(([, { findings }]) => findings.length === 0);
        for (const [mutation, { spec }] of stored) assert.deepEqual(corpus.verdict(object(mutation)).spec, spec, mutation.says);
        t.diagnostic(`${answers.length - stored.length} are refused, ${stored.length} accepted`);
        if (version !== '1.37') return;
        const said = Object.fromEntries(answers.slice(0, mutations.length).map(([{ says }, { findings }]) => [says, findings]));
        assert.deepEqual(recordedVerdicts(corpus), said, 'record it anew: node test/support/record-verdicts.ts');
      });
    }

    test('find the same fields of metadata wrong; what is no metadata at all, the server cannot read', async (t) => {
      const cluster = await clusterWithDefinitions(t, version);
      if (cluster === undefined) return;
      await using judge = await apiJudge(cluster);
      const agents = verdictCorpora[0];
      assert.ok(agents);
      const withMetadata = (metadata: unknown) => ({ ...fullAgent(), metadata });
      for (const metadata of [undefined, {}, { name: '' }, { name: null }, { name: 'a', nmespace: 'b' }, { name: 'a', labels: null }]) {
        const theirs = await judge.verdict(resources.eventAgents, withMetadata(metadata));
        assert.deepEqual(agents.verdict(withMetadata(metadata)).findings, theirs.findings, JSON.stringify(metadata));
      }
      for (const metadata of [[], 'x', { name: 7 }, { name: 'a', labels: { a: 1 } }, { name: 'a', annotations: [] }]) {
        const [status] = await judge.create(resources.eventAgents, withMetadata(metadata));
        assert.equal(status, 400, JSON.stringify(metadata));
        assert.notDeepEqual(agents.verdict(withMetadata(metadata)).findings, []);
      }
    });

    test('take no namespace that cannot be; for the server it is one that is not there', async (t) => {
      const cluster = await clusterWithDefinitions(t, version);
      if (cluster === undefined) return;
      await using judge = await apiJudge(cluster);
      for (const { resource, verdict, object } of verdictCorpora)
        for (const namespace of ['Team', 'a.b', 'a'.repeat(64)]) {
          const wrong = object({ says: '', set: { 'metadata.namespace': namespace } });
          const [status, { reason }] = await judge.create(resource, wrong, { namespace });
          assert.deepEqual([status, reason], [404, 'NotFound']);
          assert.match(sortedLines(verdict(wrong).findings)[0] ?? '', /^metadata\.namespace: /);
        }
    });
  });
