import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/client.ts';
import { KubeError } from '../../src/kube/kube-error.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { type KubeObject, keyOf, resources } from '../../src/kube/resources.ts';
import { createLog } from '../../src/lib/log.ts';
import { type ControlPlane, startControlPlane } from '../parts/kubernetes.ts';
import { asServiceAccount } from '../parts/kubernetes-identity.ts';
import { kubectl } from '../parts/kubernetes-namespace.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { workFolder } from '../parts/work-folder.ts';
import { eventually } from '../support/eventually.ts';
import { clientOf, countConnections } from '../support/kube-connection.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const { signal } = new AbortController();

interface World {
  readonly plane: ControlPlane;
  readonly proxy: TcpProxy;
  /** Reaches the server without the proxy. */
  readonly admin: KubeClient;
}

interface Watcher {
  readonly client: KubeClient;
  readonly reflector: Reflector<KubeObject>;
  /** The last state of each object that the listener was told, by name: what a controller would act on. */
  readonly told: Map<string, string>;
  readonly lines: string[];
}

/** A control plane of our own, and a proxy before it. */
async function world(t: TestContext): Promise<World | undefined> {
  const plane = await partOrSkip(t, () => startControlPlane({ version: '1.37' }));
  if (plane === undefined) return undefined;
  const [proxy, admin] = [await createTcpProxy(Number(new URL(plane.url).port)), await clientOf(plane)];
  t.after(async () => {
    await admin.close();
    await proxy[Symbol.asyncDispose]();
    await plane.close();
  });
  return { plane, proxy, admin };
}

/** A reflector of ConfigMaps that reaches the server through the proxy. */
async function watcher(
  t: TestContext,
  { plane, proxy }: World,
  options: { readonly http2?: boolean; readonly idleMs?: number } = {},
): Promise<Watcher> {
  const { idleMs, ...connection } = options;
  const client = await clientOf(plane, { port: proxy.port, ...connection });
  const [told, lines] = [new Map<string, string>(), [] as string[]];
  const reflector = new Reflector<KubeObject>({
    client,
    resource: resources.configMaps,
    selection: { namespace: 'default', labelSelector: 'test=reflector' },
    log: createLog('json', (line) => lines.push(line)),
    ...(idleMs === undefined ? {} : { idleMs }),
  });
  reflector.onChange((key, now) => {
    if (now === undefined) told.delete(key);
    else told.set(key, stateOf(now));
  });
  t.after(async () => {
    await reflector.close();
    await client.close();
  });
  await reflector.synced;
  await eventually('the watch is open', async () => reflector.state().watching);
  return { client, reflector, told, lines };
}

function stateOf({ metadata, data }: KubeObject): string {
  return `${metadata.uid} ${JSON.stringify(data)}`;
}

const configMap = (name: string, value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name, labels: { test: 'reflector' } },
  data: { value },
});

const set = (client: KubeClient, name: string, value: string) =>
  client.apply(resources.configMaps, configMap(name, value), { fieldManager: 'test' }, signal);

const remove = (client: KubeClient, name: string) => client.delete(resources.configMaps, 'default', name, {}, signal);

/** Changes, makes and deletes objects until it is stopped; then it says how often. */
function changing(client: KubeClient): { readonly stop: () => Promise<number> } {
  let [changes, isChanging] = [0, true];
  const run = async () => {
    for (; isChanging; changes++) {
      const name = `map-${Math.floor(Math.random() * 12)}`;
      // What gets no answer may have been done: that is for the end to tell.
      await (Math.random() < 0.4 ? remove(client, name) : set(client, name, String(changes))).catch(() => delay(20));
    }
  };
  const running = run();
  return {
    async stop() {
      isChanging = false;
      await running;
      return changes;
    },
  };
}

/** What there is, as the server says. */
async function truth(client: KubeClient): Promise<ReadonlyMap<string, string>> {
  const { items } = await client.list<KubeObject>(resources.configMaps, { namespace: 'default', labelSelector: 'test=reflector' }, signal);
  return new Map(items.map((item) => [keyOf(item), stateOf(item)]));
}

/** Waits until the reflector has, and has told, what there is. */
async function agrees({ admin }: World, { reflector, told }: Watcher): Promise<void> {
  const there = sorted(await truth(admin));
  const copy = () => sorted(new Map(reflector.list().map((item) => [keyOf(item), stateOf(item)])));
  await eventually('the reflector has what there is', async () => JSON.stringify(copy()) === JSON.stringify(there), 40_000);
  assert.deepEqual(sorted(told), there);
}

function sorted(map: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

suite('a reflector on a real API server', { concurrency: 2 }, () => {
  for (const http2 of [true, false])
    test(`nothing is lost by cut connections and crashes of the API server while objects change, by HTTP/${http2 ? 2 : 1.1}`, async (t) => {
      const w = await world(t);
      if (w === undefined) return;
      const { plane, proxy, admin } = w;
      for (let i = 0; i < 5; i++) await set(admin, `map-${i}`, 'first');
      const watching = await watcher(t, w, { http2 });
      const isWatching = () => eventually('the watch is open', async () => watching.reflector.state().watching);
      // The watch goes on where it was.
      const cut = changing(admin);
      for (let i = 0; i < 4; i++) {
        await delay(300);
        proxy.cut();
        await eventually('the cut is noticed', async () => !watching.reflector.state().watching);
        await isWatching();
      }
      const changes = await cut.stop();
      await agrees(w, watching);
      assert.ok(!watching.lines.some((line) => line.includes('the watch has expired')));
      // What a new API server has in its memory begins with its start: mostly the list is made anew.
      const crashing = changing(admin);
      for (let i = 0; i < 2; i++) {
        await delay(1_000);
        await plane.killApiServer();
        await plane.startApiServer();
      }
      await isWatching();
      const more = await crashing.stop();
      await agrees(w, watching);
      t.diagnostic(`${changes} changes over four cuts, ${more} over two crashes`);
      assert.ok(changes > 20 && more > 20, `${changes} and ${more} changes`);
    });

  test('after an outage that history does not reach back over, a new list shows what was missed', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const { plane, proxy, admin } = w;
    for (const name of ['kept', 'deleted', 'replaced', 'changed']) await set(admin, name, 'first');
    const watching = await watcher(t, w);
    proxy.leadTo(1);
    proxy.cut();
    await eventually('the loss is noticed', async () => !watching.reflector.state().watching);
    await Promise.all([remove(admin, 'deleted'), remove(admin, 'replaced'), set(admin, 'changed', 'second'), set(admin, 'made', 'first')]);
    await set(admin, 'replaced', 'second');
    // What a new API server has in its memory begins with its start.
    await plane.killApiServer();
    await plane.startApiServer();
    await set(admin, 'late', 'first');
    const heard = new Map<string, string>();
    watching.reflector.onChange((key, now, before) =>
      heard.set(key, `${before === undefined ? 'nothing' : 'an object'} before, ${now === undefined ? 'nothing' : 'an object'} now`),
    );
    proxy.leadTo(Number(new URL(plane.url).port));
    await agrees(w, watching);
    assert.ok(
      watching.lines.some((line) => line.includes('the watch has expired')),
      watching.lines.join(''),
    );
    assert.deepEqual(sorted(heard), [
      ['default/changed', 'an object before, an object now'],
      ['default/deleted', 'an object before, nothing now'],
      ['default/late', 'nothing before, an object now'],
      ['default/made', 'nothing before, an object now'],
      ['default/replaced', 'an object before, an object now'],
    ]);
  });

  test('a watch from a version that is gone is Gone, by the status or by an event', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const { plane, admin } = w;
    const { metadata } = await set(admin, 'map', 'first');
    for (let i = 0; i < 3; i++) await set(admin, 'map', String(i));
    await plane.killApiServer();
    await plane.startApiServer();
    const watch = admin.watch(
      resources.configMaps,
      { namespace: 'default', resourceVersion: metadata.resourceVersion ?? '', timeoutSeconds: 5 },
      () => {},
      signal,
    );
    await assert.rejects(watch, (error) => error instanceof KubeError && error.code === 'Gone' && error.status === 410);
  });

  for (const http2 of [true, false])
    test(`a connection that says nothing any more is given up, by HTTP/${http2 ? 2 : 1.1}`, async (t) => {
      const w = await world(t);
      if (w === undefined) return;
      await set(w.admin, 'map', 'first');
      // HTTP/2 finds out by two pings in a row, ten seconds apart, that are not answered; the watchdog of 90 s is for HTTP/1.1.
      const watching = await watcher(t, w, { http2, idleMs: http2 ? 90_000 : 3_000 });
      w.proxy.mute();
      const mutedAt = performance.now();
      await set(w.admin, 'map', 'second');
      await agrees(w, watching);
      const tookMs = performance.now() - mutedAt;
      t.diagnostic(`followed again after ${Math.round(tookMs)} ms`);
      assert.ok(tookMs < 30_000, `${tookMs} ms`);
      assert.equal((await watching.client.get(resources.configMaps, 'default', 'map', signal))?.metadata.name, 'map');
    });

  test('a server that is frozen is waited for', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    await set(w.admin, 'map', 'first');
    const watching = await watcher(t, w, { idleMs: 2_000 });
    w.plane.pauseApiServer();
    await eventually('the silence is noticed', async () => watching.reflector.state().error?.code === 'Unreachable');
    await using impatient = await clientOf(w.plane, { callMs: 1_000 });
    await assert.rejects(impatient.get(resources.configMaps, 'default', 'map', signal), { code: 'Unreachable' });
    w.plane.resumeApiServer();
    await set(w.admin, 'map', 'second');
    await agrees(w, watching);
  });

  test('without permission it says so, and goes on when it has it', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const { plane, admin } = w;
    await kubectl(plane, ['create', 'serviceaccount', 'watcher']);
    const identity = await asServiceAccount(
      plane,
      { namespace: 'default', name: 'watcher' },
      join(await workFolder('kube-reflector'), 'kubeconfig'),
    );
    await using client = await clientOf({ ...plane, ...identity });
    await set(admin, 'map', 'first');
    const reflector = new Reflector<KubeObject>({
      client,
      resource: resources.configMaps,
      selection: { namespace: 'default', labelSelector: 'test=reflector' },
      log: createLog('json', () => {}),
    });
    t.after(() => reflector.close());
    await eventually('it says why', async () => reflector.state().error?.code === 'Forbidden');
    assert.match(reflector.state().error?.message ?? '', /cannot list resource "configmaps"/);
    assert.equal(reflector.state().synced, false);
    await kubectl(plane, ['create', 'role', 'reads', '--resource=configmaps', '--verb=list,watch']);
    await kubectl(plane, ['create', 'rolebinding', 'reads', '--role=reads', '--serviceaccount=default:watcher']);
    await reflector.synced;
    await eventually('it follows', async () => reflector.state().watching);
    assert.deepEqual([reflector.list().length, reflector.state().error], [1, undefined]);
  });
});

test('closing leaves no connection and no timer behind', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  await w.admin.close();
  using connections = countConnections();
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  for (const http2 of [true, false]) {
    const client = await clientOf(w.plane, { http2 });
    const reflectors = [resources.configMaps, resources.pods, resources.services].map(
      (resource) => new Reflector({ client, resource, log: createLog('json', () => {}) }),
    );
    await Promise.all(reflectors.map(({ synced }) => synced));
    assert.ok(connections.open() > 0);
    await Promise.all(reflectors.map((reflector) => reflector.close()));
    await client.close();
    await eventually('no connection is open', async () => connections.open() === 0);
    assert.ok(timers() <= before + 1, 'but for that of this wait');
  }
});
