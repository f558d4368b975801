import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { isJsonObject, type JsonObject } from '../../src/lib/json-object.ts';
import { AGENT_SCHEDULE_CRD, DEAD_LETTER_REDRIVE_CRD, EVENT_AGENT_CRD } from '../../src/manifest/schema.ts';
import type { Cluster } from '../parts/kubernetes.ts';
import { freshNamespace, kubectl } from '../parts/kubernetes-namespace.ts';
import { type KubernetesVersion, kubernetesVersions } from '../parts/kubernetes-programs.ts';
import { clusterWithDefinitions, DEFINITIONS } from '../support/definitions.ts';
import { eventually } from '../support/eventually.ts';
import { fullAgent } from '../support/full-agent.ts';
import { fullSchedule } from '../support/full-schedule.ts';
import { documentsOf } from '../support/kube-document.ts';
import { largestAgent, longestPrompts } from '../support/largest-agent.ts';
import { SAMPLES } from '../support/sample-copy.ts';
import { fieldsOf } from '../support/schema-rules.ts';
import { verdictCorpora } from '../support/verdict-corpus.ts';

/** An object of ours as the cluster has it. */
interface Live {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
}

/** A namespace of a test's own in a cluster that knows our kinds. */
interface Stage {
  readonly cluster: Cluster;
  /** kubectl in this namespace, with objects for its standard input. */
  kubectl(args: readonly string[], ...objects: readonly object[]): Promise<string>;
  /** All our objects. */
  live(): Promise<readonly Live[]>;
}

const SERVER_SIDE = ['apply', '--server-side', '--warnings-as-errors', '--filename=-'];
const CLIENT_SIDE = ['apply', '--warnings-as-errors', '--filename=-'];
const DIFF_SERVER_SIDE = ['diff', '--server-side', '--filename=-'];
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** A field of each kind that `kubectl explain` is asked for. */
const EXPLAINED: Readonly<Record<string, string>> = {
  eventagents: 'spec.deletionPolicy.deadLetters',
  agentschedules: 'spec.startingDeadlineSeconds',
  deadletterredrives: 'spec.stopAtFailurePercent',
};
/** Of all annotations of an object together. */
const MOST_ANNOTATION_BYTES = 262_144;

/** `undefined`: the cluster cannot be had, and the test is skipped. */
async function stageOn(t: TestContext, version: KubernetesVersion): Promise<Stage | undefined> {
  const cluster = await clusterWithDefinitions(t, version);
  if (cluster === undefined) return undefined;
  const own = await freshNamespace(cluster);
  t.after(() => own[Symbol.asyncDispose]());
  return {
    cluster,
    kubectl: (args, ...objects) =>
      kubectl(cluster, ['--namespace', own.namespace, ...args], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })),
    async live() {
      return itemsIn(
        await own.kubectl('get', verdictCorpora.map(({ resource }) => `${resource.plural}.${resource.group}`).join(','), '--output=json'),
      );
    },
  };
}

function itemsIn(list: string): readonly Live[] {
  return (JSON.parse(list) as { readonly items: readonly Live[] }).items;
}

/** What changes where something was written. */
function versionsOf(objects: readonly Live[]): readonly string[] {
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.generation} ${metadata.resourceVersion}`);
}

/** The same without its namespace: kubectl is told another one. */
function anywhere(object: JsonObject): JsonObject {
  const { namespace: _, ...metadata } = isJsonObject(object.metadata) ? object.metadata : {};
  return { ...object, metadata };
}

/** The objects of all samples. */
async function samples(): Promise<readonly JsonObject[]> {
  const files = [...(await readdir(SAMPLES)), 'redrives/after-a-fix.yaml'].filter((name) => name.endsWith('.yaml'));
  const texts = await Promise.all(files.map((name) => readFile(join(SAMPLES, name), 'utf8')));
  return texts.flatMap(documentsOf).map((document) => anywhere({ ...document }));
}

/** The rows of what `kubectl get` printed, by the heads of the columns. */
function rowsOf(table: string): readonly Readonly<Record<string, string>>[] {
  const [head = '', ...rows] = table.trimEnd().split('\n');
  const columns = [...head.matchAll(/\S+( \S+)*/g)];
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ 0: name, index }, at) => [name, row.slice(index, columns[at + 1]?.index).trim()])),
  );
}

const lastTransitionTime = '2026-01-01T00:00:00Z';
const conditions = [
  { type: 'Ready', status: 'False', reason: 'SecretMissing', message: 'm', lastTransitionTime, observedGeneration: 1 },
  { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'm', lastTransitionTime, observedGeneration: 1 },
];

for (const version of kubernetesVersions)
  suite(`the CustomResourceDefinitions on Kubernetes ${version}`, () => {
    test('are taken by a cluster that has never seen them, without a warning, and stay below 200 KiB', async (t) => {
      const cluster = await clusterWithDefinitions(t, version);
      if (cluster === undefined) return;
      for (const file of [AGENT_SCHEDULE_CRD, DEAD_LETTER_REDRIVE_CRD, EVENT_AGENT_CRD]) {
        assert.ok((await stat(file)).size < 204_800);
        // Under another group they are new: what a rule costs is not looked at where it was there before.
        const text = (await readFile(file, 'utf8')).replaceAll('eventagent.dev', 'never-seen.example.com');
        const args = ['create', '--dry-run=server', '--warnings-as-errors', '--filename=-'];
        assert.match(await kubectl(cluster, args, text), /never-seen\.example\.com created \(server dry run\)/);
      }
    });

    test('are established, and applied again they change nothing', async (t) => {
      const cluster = await clusterWithDefinitions(t, version);
      if (cluster === undefined) return;
      const names = verdictCorpora.map(({ resource }) => `${resource.plural}.${resource.group}`);
      const definitions = async () => itemsIn(await kubectl(cluster, ['get', 'customresourcedefinitions', ...names, '--output=json']));
      const before = await definitions();
      assert.equal(before.length, 3);
      for (const { metadata, status } of before) {
        const all = status?.conditions as readonly { readonly type: string; readonly status: string }[];
        assert.deepEqual(
          new Set(all.map((condition) => `${condition.type}=${condition.status}`)),
          new Set(['NamesAccepted=True', 'Established=True']),
          metadata.name,
        );
      }
      await kubectl(cluster, ['apply', '--server-side', '--warnings-as-errors', ...DEFINITIONS]);
      assert.deepEqual(versionsOf(await definitions()), versionsOf(before));
      assert.equal(await kubectl(cluster, ['diff', '--server-side', ...DEFINITIONS]), '');
    });

    test('take every sample by server-side apply and give it back unchanged, so that nothing differs and nothing is written again', async (t) => {
      const stage = await stageOn(t, version);
      if (stage === undefined) return;
      const objects = await samples();
      await stage.kubectl(SERVER_SIDE, ...objects);
      const before = await stage.live();
      for (const { resource, verdict } of verdictCorpora) {
        const ours = objects.filter(({ kind }) => kind === resource.kind);
        const stored = new Map(before.filter(({ kind }) => kind === resource.kind).map(({ metadata, spec }) => [metadata.name, spec]));
        assert.ok(ours.length > 0 && ours.length === stored.size);
        for (const object of ours) assert.deepEqual(stored.get((object.metadata as Live['metadata']).name), verdict(object).spec);
      }
      assert.equal(await stage.kubectl(DIFF_SERVER_SIDE, ...objects), '');
      await stage.kubectl(SERVER_SIDE, ...objects);
      assert.deepEqual(versionsOf(await stage.live()), versionsOf(before));
    });

    test('take every sample by client-side apply, which finds it unchanged the second time', async (t) => {
      const stage = await stageOn(t, version);
      if (stage === undefined) return;
      // Of a Secret with stringData kubectl says each time that it was configured.
      const objects = (await samples()).filter(({ kind }) => kind !== 'Secret');
      await stage.kubectl(CLIENT_SIDE, ...objects);
      const before = await stage.live();
      assert.equal(await stage.kubectl(['diff', '--filename=-'], ...objects), '');
      const said = (await stage.kubectl(CLIENT_SIDE, ...objects)).trim().split('\n');
      assert.equal(said.length, objects.length);
      for (const line of said) assert.match(line, / unchanged$/);
      assert.deepEqual(versionsOf(await stage.live()), versionsOf(before));
    });

    test('take prompts of the greatest length by client-side apply, as long as they are plain text', async (t) => {
      const stage = await stageOn(t, version);
      if (stage === undefined) return;
      const plain = longestPrompts('p');
      await stage.kubectl(CLIENT_SIDE, plain);
      assert.match(await stage.kubectl(CLIENT_SIDE, plain), / unchanged$/m);
      const [stored] = await stage.live();
      const bytes = Buffer.byteLength(stored?.metadata.annotations?.[LAST_APPLIED] ?? '');
      t.diagnostic(`${bytes} of ${MOST_ANNOTATION_BYTES} bytes of annotations`);
      assert.ok(bytes > 98_304 && bytes < MOST_ANNOTATION_BYTES / 2);
      // kubectl writes `<` as six bytes into the annotation.
      const brackets = { ...longestPrompts('<'), metadata: { name: 'brackets' } };
      await assert.rejects(stage.kubectl(CLIENT_SIDE, brackets), /metadata\.annotations: Too long: may not be more than 262144 bytes/);
      await stage.kubectl(SERVER_SIDE, brackets);
      assert.equal(await stage.kubectl(DIFF_SERVER_SIDE, brackets), '');
    });

    test('take the agent that costs the most to validate, by server-side apply', async (t) => {
      const stage = await stageOn(t, version);
      if (stage === undefined) return;
      const largest = largestAgent();
      await stage.kubectl(SERVER_SIDE, largest);
      const before = await stage.live();
      assert.equal(before.length, 1);
      assert.deepEqual(before[0]?.spec, verdictCorpora.find(({ resource }) => resource.kind === 'EventAgent')?.verdict(largest).spec);
      await stage.kubectl(SERVER_SIDE, largest);
      assert.deepEqual(versionsOf(await stage.live()), versionsOf(before));
      t.diagnostic(`${Buffer.byteLength(JSON.stringify(largest))} bytes`);
      await assert.rejects(stage.kubectl(CLIENT_SIDE, { ...largest, metadata: { name: 'a' } }), /metadata\.annotations: Too long/);
    });

    test('are explained, field by field', async (t) => {
      const cluster = await clusterWithDefinitions(t, version);
      if (cluster === undefined) return;
      for (const { resource, schema } of verdictCorpora) {
        const field = EXPLAINED[resource.plural] ?? 'spec';
        // What is explained is published a while after the definition is established.
        const explain = (...args: readonly string[]): Promise<string> =>
          eventually(`${resource.plural} are explained`, () => kubectl(cluster, ['explain', ...args]).catch(() => undefined));
        const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');
        const { description } = fieldsOf(schema, '').find(({ field: path }) => path === `.${field}`)?.schema ?? {};
        assert.ok(
          words(await explain(`${resource.plural}.${field}`))
            .join(' ')
            .includes(words(description ?? '?').join(' ')),
        );
        const named = new Set([...(await explain(resource.plural, '--recursive')).matchAll(/^ +(\w+)\t?</gm)].map(([, name]) => name));
        const missing = fieldsOf(schema, '').filter(
          ({ field: path }) => /\w$/.test(path) && !named.has(path.slice(path.lastIndexOf('.') + 1)),
        );
        assert.deepEqual(missing, []);
      }
    });

    test('list agents and schedules with what a person wants to know, both by their category', async (t) => {
      const stage = await stageOn(t, version);
      if (stage === undefined) return;
      const get = async (...args: readonly string[]) => rowsOf(await stage.kubectl(['get', ...args]));
      await stage.kubectl(SERVER_SIDE, anywhere(fullAgent()), anywhere(fullSchedule()));
      const nothing = { READY: '', REASON: '', REPLICAS: '', QUEUED: '', 'DEAD LETTERS': '' };
      const [{ AGE: age = '', ...unknown } = {}] = await get('ea');
      assert.match(age, /^\d+s$/);
      assert.deepEqual(unknown, { NAME: 'full', ...nothing }, 'what is not known is empty, and not 0');

      const patch = (kind: string, status: object) =>
        stage.kubectl(['patch', kind, 'full', '--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`]);
      await patch('ea', { conditions, replicas: 3, queued: 0, deadLetters: 17, costToday: '1.25', selector: 'a=b' });
      const known = { READY: 'False', REASON: 'SecretMissing', REPLICAS: '3', QUEUED: '0', 'DEAD LETTERS': '17' };
      const [{ AGE: _, ...agent } = {}] = await get('eventagent', 'full', '--output=wide');
      assert.deepEqual(agent, { NAME: 'full', ...known, MODEL: 'claude-sonnet-5-5', 'COST TODAY': '1.25' });

      const now = Date.now();
      const at = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
      const nextScheduleTime = at(now + 3_600_000);
      await patch('asched', {
        conditions,
        lastScheduleTime: at(now - 7_500_000),
        nextScheduleTime,
        lastRun: { outcome: 'done', finishedAt: at(now) },
        missedRuns: 2,
      });
      const expected = {
        NAME: 'full',
        AGENT: 'briefing-writer',
        SCHEDULE: '0 7 * * 1-5',
        TIMEZONE: 'Europe/Berlin',
        SUSPEND: 'true',
        'LAST RUN': '125m',
        'NEXT RUN': nextScheduleTime,
        READY: 'False',
      };
      const [narrow = {}] = await get('agentschedule', 'full');
      assert.deepEqual(Object.keys(narrow), [...Object.keys(expected), 'AGE']);
      const [{ AGE: __, ...schedule } = {}] = await get('asched', '--output=wide');
      assert.deepEqual(schedule, { ...expected, OUTCOME: 'done', MISSED: '2' });
      await stage.kubectl(['patch', 'asched', 'full', '--type=merge', '--patch={"spec":{"schedule":null,"every":"30m"}}']);
      assert.equal((await get('asched'))[0]?.SCHEDULE, '30m', 'an interval stands where a cron expression would');

      // kubectl may remember what there was before our second kind was.
      const folder = await mkdtemp(join(tmpdir(), 'eventagent-kubectl-'));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const listed = await stage.kubectl(['get', 'eventagents', '--output=name', `--cache-dir=${folder}`]);
      const both = ['agentschedule.eventagent.dev/full', 'eventagent.eventagent.dev/full'];
      assert.deepEqual(new Set(listed.trim().split('\n')), new Set(both));
    });

    test('let kubectl scale an agent, within the range of replicas', async (t) => {
      const stage = await stageOn(t, version);
      if (stage === undefined) return;
      await stage.kubectl(SERVER_SIDE, anywhere(fullAgent()));
      const status = { replicas: 2, selector: 'eventagent.dev/agent=full' };
      await stage.kubectl(['patch', 'ea', 'full', '--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`]);
      for (const replicas of [5, 0]) {
        assert.match(await stage.kubectl(['scale', 'eventagent/full', `--replicas=${replicas}`]), / scaled$/m);
        const scale = JSON.parse(await stage.kubectl(['get', 'eventagent', 'full', '--subresource=scale', '--output=json'])) as Live;
        assert.equal(scale.kind, 'Scale');
        assert.deepEqual([scale.spec ?? {}, scale.status], [replicas === 0 ? {} : { replicas }, status]);
        assert.equal((await stage.live())[0]?.spec?.replicas, replicas);
      }
      await assert.rejects(stage.kubectl(['scale', 'eventagent/full', '--replicas=101']), /spec\.replicas.*less than or equal to 100/);
    });
  });
