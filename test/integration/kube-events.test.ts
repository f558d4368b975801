import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeClient } from '../../src/kube/client.ts';
import { createEventRecorder, type EventRecorder } from '../../src/kube/events.ts';
import { type KubeObject, resources } from '../../src/kube/resources.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLog } from '../../src/lib/log.ts';
import { sharedControlPlane } from '../parts/kubernetes.ts';
import { freshNamespace, type Namespace } from '../parts/kubernetes-namespace.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { eventually } from '../support/eventually.ts';
import { clientOf } from '../support/kube-connection.ts';

const { signal } = new AbortController();

interface World {
  readonly own: Namespace;
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly lines: string[];
  /** An object that events are about. */
  readonly object: KubeObject;
}

async function world(t: TestContext, finalizers: readonly string[] = []): Promise<World | undefined> {
  const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
  if (cluster === undefined) return undefined;
  const [own, client, lines] = [await freshNamespace(cluster), await clientOf(cluster), [] as string[]];
  const log = createLog('json', (line) => lines.push(line));
  const recorder = createEventRecorder({ client, instance: 'controller-0', clock: systemClock, log });
  t.after(async () => {
    await recorder.close();
    await client.close();
    await own[Symbol.asyncDispose]();
  });
  const metadata = { namespace: own.namespace, name: 'subject', finalizers };
  const object = await client.create<KubeObject>(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata }, signal);
  return { own, client, recorder, lines, object };
}

test('people see events where they look for them', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { own, recorder, object } = w;
  recorder.record(object, { type: 'Warning', reason: 'QueueDiffers', action: 'Reconcile', note: `${'ä'.repeat(600)}` });
  recorder.record(object, { type: 'Normal', reason: 'Ready', action: 'Reconcile', note: 'all is well' });
  await eventually('both are written', async () => recorder.counts().written === 2);
  const described = await own.kubectl('describe', 'configmap', 'subject');
  assert.match(described, /Warning +QueueDiffers +\S+ +eventagent\.dev\/controller +ä{510}…/);
  assert.match(described, /Normal +Ready +\S+ +eventagent\.dev\/controller +all is well/);
});

test('in a namespace that is being deleted events are given up without a word', async (t) => {
  const w = await world(t, ['eventagent.dev/test']);
  if (w === undefined) return;
  const { own, client, recorder, lines, object } = w;
  await own.kubectl('delete', 'namespace', own.namespace, '--wait=false');
  recorder.record(object, { type: 'Normal', reason: 'Ready', action: 'Reconcile', note: 'all is well' });
  await eventually('it is given up', async () => recorder.counts().givenUp === 1);
  await client.mergePatch(resources.configMaps, own.namespace, 'subject', { metadata: { finalizers: null } }, {}, signal);
  await eventually(
    'the namespace is gone',
    async () => (await client.get(resources.namespaces, undefined, own.namespace, signal)) === undefined,
    60_000,
  );
  recorder.record(object, { type: 'Normal', reason: 'Ready', action: 'Reconcile', note: 'all is well' });
  await eventually('this one as well', async () => recorder.counts().givenUp === 2);
  assert.deepEqual(lines, []);
});
