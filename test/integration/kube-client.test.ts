import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { KubeClient, WatchEvent } from '../../src/kube/client.ts';
import { difference } from '../../src/kube/differs.ts';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { KubeError } from '../../src/kube/kube-error.ts';
import { type KubeObject, type Resource, resources } from '../../src/kube/resources.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type Cluster, sharedControlPlane } from '../parts/kubernetes.ts';
import { freshNamespace, type Namespace } from '../parts/kubernetes-namespace.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { eventually } from '../support/eventually.ts';
import { accessTo, clientOf, countConnections } from '../support/kube-connection.ts';

const { signal } = new AbortController();
const us = { fieldManager: 'eventagent' } as const;

interface World {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  readonly own: Namespace;
  readonly configMap: (name: string, data?: Readonly<Record<string, string>>) => KubeObject;
}

async function world(t: TestContext, options: { readonly http2?: boolean } = {}): Promise<World | undefined> {
  const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
  if (cluster === undefined) return undefined;
  const [own, client] = [await freshNamespace(cluster), await clientOf(cluster, options)];
  t.after(async () => {
    await client.close();
    await own[Symbol.asyncDispose]();
  });
  const configMap: World['configMap'] = (name, data) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: own.namespace, name, labels: { test: 'kube-client' } },
    ...(data === undefined ? {} : { data }),
  });
  return { cluster, client, own, configMap };
}

for (const http2 of [true, false])
  test(`500 calls beside 12 watches, by HTTP/${http2 ? 2 : 1.1}`, async (t) => {
    const w = await world(t, { http2 });
    if (w === undefined) return;
    const { client, own } = w;
    using connections = countConnections();
    const stopping = new AbortController();
    let open = 0;
    const watches = Array.from({ length: 12 }, () =>
      client.watch(
        resources.configMaps,
        { namespace: own.namespace, resourceVersion: '', timeoutSeconds: 60, onOpen: () => open++ },
        () => {},
        stopping.signal,
      ),
    );
    const ended = Promise.allSettled(watches);
    await eventually('the watches are open', async () => open === 12);
    const startedAt = performance.now();
    for (let i = 0; i < 25; i++)
      await Promise.all(Array.from({ length: 20 }, () => client.get(resources.configMaps, own.namespace, 'kube-root-ca.crt', signal)));
    const made = connections.made();
    t.diagnostic(`500 calls in ${Math.round(performance.now() - startedAt)} ms over ${made} connections, the watches' included`);
    assert.ok(http2 ? made <= 3 : made <= 100, `${made} connections`);
    stopping.abort(new Error('enough'));
    await ended;
  });

test('a list of several pages is whole, and of one moment', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { client, own, configMap } = w;
  const names = Array.from({ length: 7 }, (_, index) => `map-${index}`);
  await Promise.all(names.map((name) => client.create(resources.configMaps, configMap(name), signal)));
  const selection = { namespace: own.namespace, labelSelector: 'test=kube-client' };
  const { items, resourceVersion } = await client.list(resources.configMaps, { ...selection, pageSize: 3 }, signal);
  assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), names);
  assert.ok(items.every(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'ConfigMap'));
  const events: WatchEvent[] = [];
  await client.delete(resources.configMaps, own.namespace, 'map-3', {}, signal);
  const seen = new AbortController();
  const onEvent = (event: WatchEvent) => {
    events.push(event);
    if (event.type === 'DELETED') seen.abort();
  };
  await client
    .watch(resources.configMaps, { ...selection, resourceVersion, timeoutSeconds: 30 }, onEvent, seen.signal)
    .catch((error: unknown) => {
      if (!seen.signal.aborted) throw error;
    });
  assert.deepEqual(
    events.filter(({ type }) => type !== 'BOOKMARK').map(({ type, object }) => `${type} ${object.kind} ${object.metadata.name}`),
    ['DELETED ConfigMap map-3'],
  );
});

test('what is applied is stated in full: others are overruled, what is left out is removed', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { client, own, configMap } = w;
  await client.apply(resources.configMaps, configMap('map', { ours: '1', ours2: '2' }), us, signal);
  await own.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'map' }, data: { theirs: '3' } });
  await client.mergePatch(resources.configMaps, own.namespace, 'map', { data: { ours: 'changed' } }, {}, signal);
  const tried = await client.apply<KubeObject>(resources.configMaps, configMap('map', { ours: '5' }), { ...us, dryRun: true }, signal);
  assert.deepEqual(tried.data, { ours: '5', theirs: '3' });
  const kept = await client.get(resources.configMaps, own.namespace, 'map', signal);
  assert.deepEqual(kept?.data, { ours: 'changed', ours2: '2', theirs: '3' });
  const applied = await client.apply<KubeObject>(resources.configMaps, configMap('map', { ours: '1' }), us, signal);
  assert.deepEqual(applied.data, { ours: '1', theirs: '3' });
});

test('a status is applied apart from the rest', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { client, own } = w;
  const budget: KubeObject = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace: own.namespace, name: 'budget' },
    spec: { minAvailable: 1, selector: { matchLabels: { a: 'b' } } },
  };
  await client.apply(resources.podDisruptionBudgets, budget, us, signal);
  const condition = { type: 'Test', status: 'True', reason: 'Test', message: '', lastTransitionTime: '2026-11-25T12:00:00Z' };
  const { apiVersion, kind, metadata } = budget;
  const counts = { currentHealthy: 0, desiredHealthy: 1, disruptionsAllowed: 0, expectedPods: 0 };
  const written = await client.apply<KubeObject>(
    resources.podDisruptionBudgets,
    { apiVersion, kind, metadata, spec: { minAvailable: 5 }, status: { ...counts, conditions: [condition] } } as KubeObject,
    { fieldManager: 'eventagent-status', subresource: 'status' },
    signal,
  );
  const { spec, status } = written as unknown as { spec: { minAvailable: number }; status: { conditions: readonly { type: string }[] } };
  assert.equal(spec.minAvailable, 1);
  // The API server's own controller writes conditions, too, whenever it comes to that.
  assert.deepEqual(
    status.conditions.filter(({ type }) => type === 'Test'),
    [condition],
  );
});

test('who writes on what has changed meanwhile is told so', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { client, own, configMap } = w;
  const old = await client.create(resources.configMaps, configMap('map', { a: '1' }), signal);
  await assert.rejects(client.create(resources.configMaps, configMap('map'), signal), { code: 'Conflict', reason: 'AlreadyExists' });
  const { metadata } = await client.replace(resources.configMaps, { ...old, data: { a: '2' } }, {}, signal);
  await assert.rejects(client.replace(resources.configMaps, { ...old, data: { a: '3' } }, {}, signal), {
    code: 'Conflict',
    reason: 'Conflict',
  });
  const patch = (resourceVersion: string | undefined) =>
    client.mergePatch(resources.configMaps, own.namespace, 'map', { metadata: { resourceVersion }, data: { a: null } }, {}, signal);
  await assert.rejects(patch(old.metadata.resourceVersion), { code: 'Conflict' });
  assert.equal((await patch(metadata.resourceVersion)).data, undefined);
  await assert.rejects(client.delete(resources.configMaps, own.namespace, 'map', { uid: 'another' }, signal), { code: 'Conflict' });
  await client.delete(resources.configMaps, own.namespace, 'map', { uid: metadata.uid ?? '', propagationPolicy: 'Background' }, signal);
  await client.delete(resources.configMaps, own.namespace, 'map', {}, signal);
  assert.equal(await client.get(resources.configMaps, own.namespace, 'map', signal), undefined);
});

test('what cannot be says which field is wrong, and a kind that is not there is not an object that is not there', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { client, own, configMap } = w;
  const refused: unknown = await client.create(resources.configMaps, configMap('No_Name'), signal).catch((error: unknown) => error);
  assert.ok(refused instanceof KubeError);
  assert.deepEqual([refused.code, refused.status, refused.causes.map(({ field }) => field)], ['Invalid', 422, ['metadata.name']]);
  const unknown: Resource = { group: 'nobody.example', version: 'v1', plural: 'things', kind: 'Thing' };
  for (const resource of [unknown, { ...resources.pods, plural: 'things' }]) {
    await assert.rejects(client.get(resource, own.namespace, 'x', signal), { code: 'NotFound' });
    await assert.rejects(client.delete(resource, own.namespace, 'x', {}, signal), { code: 'NotFound' });
    await assert.rejects(client.list(resource, {}, signal), { code: 'NotFound' });
  }
  const elsewhere = { ...configMap('map'), metadata: { namespace: 'nowhere', name: 'map' } };
  await assert.rejects(client.apply(resources.configMaps, elsewhere, us, signal), { code: 'NotFound', objectName: 'nowhere' });
});

test('who is not known is Unauthorized, and has the credentials looked at anew', async (t) => {
  const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
  if (cluster === undefined) return;
  const access = await accessTo(cluster);
  let tokens = 0;
  const rotated = {
    ...access,
    credentials: async () =>
      tokens === 0 ? { ...(await access.credentials()), headers: { authorization: 'Bearer stale' } } : access.credentials(),
    refused: () => {
      tokens++;
    },
  };
  const client = createKubeClient({ access: rotated, clock: systemClock });
  t.after(() => client.close());
  await assert.rejects(client.get(resources.namespaces, undefined, 'default', signal), { code: 'Unauthorized', status: 401 });
  assert.equal((await client.get(resources.namespaces, undefined, 'default', signal))?.metadata.name, 'default');
});

test('with another authority connections are made anew, and a watch on the old ones goes on', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { cluster, own, configMap } = w;
  const access = await accessTo(cluster);
  let ending = '';
  const rotated = {
    ...access,
    credentials: async () => {
      const { tls, headers } = await access.credentials();
      return { tls: { ...tls, ca: `${tls.ca}${ending}` }, headers };
    },
  };
  const client = createKubeClient({ access: rotated, clock: systemClock });
  t.after(() => client.close());
  using connections = countConnections();
  const seen: string[] = [];
  const stopping = new AbortController();
  const watch = client
    .watch(
      resources.configMaps,
      { namespace: own.namespace, resourceVersion: '', timeoutSeconds: 60 },
      ({ object }) => seen.push(object.metadata.name),
      stopping.signal,
    )
    .catch((error: unknown) => error);
  await client.create(resources.configMaps, configMap('before'), signal);
  const before = connections.made();
  ending = '\n';
  await client.create(resources.configMaps, configMap('after'), signal);
  assert.equal(connections.made(), before + 1);
  await eventually('the watch sees both', async () => seen.includes('before') && seen.includes('after'));
  stopping.abort(new Error('enough'));
  assert.match(String(await watch), /enough/);
});

suite('what was applied does not differ from what lives', { concurrency: true }, () => {
  const labels = { 'app.kubernetes.io/name': 'eventagent' };
  const podSpec = {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    terminationGracePeriodSeconds: 90,
    containers: [
      {
        name: 'runner',
        image: 'eventagent:1',
        command: ['node', 'dist/runner/start.js'],
        env: [{ name: 'EVENTAGENT_LOG', value: 'json' }],
        ports: [{ name: 'metrics', containerPort: 9090, protocol: 'TCP' }],
        resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { cpu: 2, memory: 2_147_483_648 } },
        readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' }, periodSeconds: 5 },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      },
    ],
    volumes: [
      { name: 'tmp', emptyDir: {} },
      { name: 'secrets', projected: { defaultMode: 288, sources: [{ secret: { name: 'x', optional: true } }] } },
    ],
  };
  const kinds: readonly (readonly [Resource, Readonly<Record<string, unknown>>])[] = [
    [
      resources.deployments,
      {
        spec: {
          replicas: 2,
          selector: { matchLabels: labels },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          template: { metadata: { labels, annotations: {} }, spec: podSpec },
        },
      },
    ],
    [
      resources.cronJobs,
      {
        spec: {
          schedule: '0 7 * * *',
          timeZone: 'Etc/UTC',
          concurrencyPolicy: 'Forbid',
          suspend: false,
          startingDeadlineSeconds: 60,
          jobTemplate: {
            metadata: { labels },
            spec: {
              backoffLimit: 3,
              activeDeadlineSeconds: 600,
              template: { metadata: { labels }, spec: { ...podSpec, restartPolicy: 'Never' } },
            },
          },
        },
      },
    ],
    [resources.services, { spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }] } }],
    [resources.podDisruptionBudgets, { spec: { maxUnavailable: 1, selector: { matchLabels: labels } } }],
    [resources.configMaps, { immutable: true, data: { 'configuration.json': '{}' } }],
  ];
  for (const [resource, fields] of kinds)
    test(resource.kind, async (t) => {
      const w = await world(t);
      if (w === undefined) return;
      const { client, own } = w;
      const desired = {
        apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
        kind: resource.kind,
        metadata: { namespace: own.namespace, name: 'x', labels, annotations: { 'eventagent.dev/applied': '1' }, ownerReferences: [] },
        ...fields,
      };
      await client.apply(resource, desired, us, signal);
      const read = async () => (await client.get(resource, own.namespace, 'x', signal)) ?? assert.fail('it is gone');
      const live = await read();
      assert.equal(difference(desired, live), undefined);
      await client.apply(resource, desired, us, signal);
      assert.equal(difference({ metadata: { generation: live.metadata.generation } }, await read()), undefined);
      if (resource === resources.configMaps) return;
      const { spec } = live as unknown as { readonly spec: Readonly<Record<string, unknown>> };
      const [field] = Object.keys(fields.spec as object);
      assert.match(difference(desired, { ...live, spec: { ...spec, [field ?? '']: 'mended by hand' } }) ?? '', /^spec\./);
    });
});
