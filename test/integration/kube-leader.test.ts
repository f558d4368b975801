import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/client.ts';
import type { Lease } from '../../src/kube/lease.ts';
import { type KubeObject, resources } from '../../src/kube/resources.ts';
import { type Cluster, sharedControlPlane } from '../parts/kubernetes.ts';
import { freshNamespace } from '../parts/kubernetes-namespace.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { clientOf } from '../support/kube-connection.ts';
import { createWatchable } from '../support/until.ts';

const { signal } = new AbortController();

/** client-go's times, which are ours, and this much for a busy machine. */
const [LEASE_MS, RETRY_MS, SLACK_MS] = [15_000, 2_000, 15_000];

interface Candidate {
  readonly process: ChildProcess;
  /** What it has said, with the time of each word. */
  readonly said: { readonly word: string; readonly at: number }[];
  says(word: string, timeoutMs?: number): Promise<number>;
}

interface World {
  readonly namespace: string;
  readonly client: KubeClient;
  start(identity: string): Candidate;
  lease(): Promise<Lease>;
  deeds(identity: string): Promise<number>;
}

async function world(t: TestContext): Promise<World | undefined> {
  const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
  if (cluster === undefined) return undefined;
  const [own, client] = [await freshNamespace(cluster), await clientOf(cluster)];
  const { namespace } = own;
  const candidates: Candidate[] = [];
  t.after(async () => {
    for (const { process } of candidates) process.kill('SIGKILL');
    await client.close();
    await own[Symbol.asyncDispose]();
  });
  return {
    namespace,
    client,
    start(identity) {
      const candidate = startCandidate(cluster, namespace, identity);
      candidates.push(candidate);
      return candidate;
    },
    async lease() {
      return (await client.get<Lease>(resources.leases, namespace, 'leader', signal)) ?? assert.fail('there is no lease');
    },
    async deeds(identity) {
      const found = await client.get<KubeObject>(resources.configMaps, namespace, `deeds-${identity}`, signal);
      return Number((found?.data as { deeds?: string } | undefined)?.deeds ?? 0);
    },
  };
}

function startCandidate(cluster: Cluster, namespace: string, identity: string): Candidate {
  const script = join(import.meta.dirname, '../support/leader-process.ts');
  const child = spawn(process.execPath, [script, cluster.kubeconfig, namespace, identity], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: { readonly word: string; readonly at: number }[] = [];
  const watchable = createWatchable();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const word of text.trim().split('\n')) said.push({ word, at: performance.now() });
    watchable.changed();
  });
  return {
    process: child,
    said,
    async says(word, timeoutMs = 60_000) {
      await watchable.until(`${identity} says ${word}`, () => said.some((each) => each.word === word), timeoutMs);
      return said.find((each) => each.word === word)?.at ?? assert.fail();
    },
  };
}

const wordsOf = ({ said }: Candidate) => said.map(({ word }) => word);

/** A leader, and another candidate that has seen that there is one. */
async function contest(w: World): Promise<readonly [Candidate, Candidate]> {
  const one = w.start('one');
  await one.says('leading');
  const two = w.start('two');
  await two.says('following');
  assert.deepEqual(wordsOf(two), ['following']);
  return [one, two];
}

suite('leader election between two processes', { concurrency: 3 }, () => {
  test('when the leader is killed the other one leads after the lease and a retry at most', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const [one, two] = await contest(w);
    const killedAt = performance.now();
    one.process.kill('SIGKILL');
    await once(one.process, 'exit');
    const [deeds, last] = [await w.deeds('one'), await w.lease()];
    const leadingAt = await two.says('leading');
    const tookMs = leadingAt - killedAt;
    t.diagnostic(`after ${Math.round(tookMs)} ms`);
    assert.equal(last.spec?.holderIdentity, 'one');
    const renewedAt = performance.now() - (Date.now() - Date.parse(last.spec?.renewTime ?? ''));
    assert.ok(
      leadingAt > renewedAt + LEASE_MS && tookMs < LEASE_MS + RETRY_MS + SLACK_MS,
      `${tookMs} ms, renewed at ${renewedAt - killedAt}`,
    );
    assert.ok(deeds > 0);
    const { spec } = await w.lease();
    assert.deepEqual([spec?.holderIdentity, spec?.leaseTransitions, spec?.leaseDurationSeconds], ['two', 1, 15]);
    assert.match(spec?.renewTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  test('when the leader stops, it releases the lease, and the other one leads with its next look', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const [one, two] = await contest(w);
    one.process.kill('SIGTERM');
    const releasedAt = await one.says('released');
    const deeds = await w.deeds('one');
    const tookMs = (await two.says('leading')) - releasedAt;
    t.diagnostic(`after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < LEASE_MS - RETRY_MS, `${tookMs} ms: as long as without a release`);
    assert.equal(await w.deeds('one'), deeds);
  });

  test('a leader that is frozen past its lease does nothing more when it wakes up', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const [one, two] = await contest(w);
    one.process.kill('SIGSTOP');
    await two.says('leading');
    const deeds = await w.deeds('one');
    assert.ok(deeds > 0);
    one.process.kill('SIGCONT');
    await one.says('deposed');
    await delay(1_000);
    assert.equal(await w.deeds('one'), deeds);
    assert.equal((await w.lease()).spec?.holderIdentity, 'two');
    assert.ok((await w.deeds('two')) > 0);
    assert.deepEqual(wordsOf(two), ['following', 'leading']);
  });
});
