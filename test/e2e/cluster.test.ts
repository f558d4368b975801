import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { brokerNames } from '../../src/api/names.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { asServiceAccount } from '../parts/kubernetes-identity.ts';
import { type ScrapeTarget, startPrometheus } from '../parts/prometheus.ts';
import { PartUnavailable, partOrSkip } from '../parts/unavailable.ts';
import { manage } from '../parts/vhost.ts';
import { renderChart } from '../support/chart.ts';
import { AGENTS, type ClusterStage, SYSTEM, secret, senderPod, startClusterStage } from '../support/cluster-stage.ts';
import { buriedMessage } from '../support/dead-letter-stage.ts';
import { runCli } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';
import { githubDelivery, githubExamples } from '../support/github-delivery.ts';

const SAMPLES = join(import.meta.dirname, '../../config/samples');
const CLI = join(import.meta.dirname, '../../src/cli/main.ts');
const SECRET = 'a secret of GitHub';

let shared: ClusterStage | PartUnavailable | undefined;
before(
  async () => {
    shared = await startClusterStage().catch((error: unknown) => {
      if (error instanceof PartUnavailable) return error;
      throw error;
    });
  },
  { timeout: 600_000 },
);
after(async () => {
  if (!(shared instanceof PartUnavailable)) await shared?.[Symbol.asyncDispose]();
});
const theStage = (): Promise<ClusterStage> =>
  shared === undefined || shared instanceof PartUnavailable
    ? Promise.reject(shared ?? new Error('the cluster could not be started'))
    : Promise.resolve(shared);

type Spec = Readonly<Record<string, unknown>> & {
  readonly agent: object;
  readonly outputs: readonly { readonly name: string; readonly http: object }[];
};

/** The EventAgent of a sample, led to the stub and to the sink. */
async function sampleAgent(
  file: string,
  { claudeUrl, sinkUrl }: ClusterStage,
  change: (spec: Spec) => object = (spec) => spec,
): Promise<object> {
  const documents = parseAllDocuments(await readFile(join(SAMPLES, file), 'utf8')).map(
    (document) => document.toJS() as { readonly kind: string; readonly spec: Spec },
  );
  const agent = documents.find(({ kind }) => kind === 'EventAgent');
  if (agent === undefined) throw new Error(`${file} has no EventAgent`);
  const { spec } = agent;
  const outputs = spec.outputs.map(({ name, http }) => ({ name, http: { ...http, allowedHosts: [new URL(sinkUrl).host] } }));
  return { ...agent, spec: change({ ...spec, agent: { ...spec.agent, baseUrl: claudeUrl }, outputs }) };
}

/** A recorded pull request of GitHub's, opened, whose comments go to the sink. */
function pullRequest(sinkUrl: string, id: string) {
  const example = githubExamples(['api.github.com']).find(({ event, payload }) => event === 'pull_request' && payload.action === 'opened');
  const payload = {
    ...example?.payload,
    pull_request: { ...(example?.payload.pull_request as object), comments_url: `${sinkUrl}/comments/${id}` },
  };
  return githubDelivery(SECRET, 'pull_request', JSON.stringify(payload), id);
}

/** Posts to a URL inside the cluster, from a pod; the status line and the body that came back. */
function post({ node }: ClusterStage, url: string, { headers, body }: ReturnType<typeof githubDelivery>): Promise<string> {
  const { kubectl, kubeconfig } = node.controlPlane;
  const options = Object.entries(headers ?? {}).map(([name, value]) => `--header=${name}: ${String(value)}`);
  const wget = ['wget', '-q', '-S', '-O', '-', '-T', '15', ...options, '--post-file=/dev/stdin', url];
  return new Promise((resolve, reject) => {
    const child = spawn(kubectl, ['--namespace', AGENTS, 'exec', '-i', 'sender', '--', ...wget], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.once('error', reject);
    child.once('close', () => resolve(text));
    child.stdin.on('error', () => {});
    child.stdin.end(body);
  });
}

const gateway = (path: string) => `http://eventagent-gateway.${AGENTS}.svc.cluster.local${path}`;

suite('a whole cluster', () => {
  test('a signed delivery to the Service ends as one request at the sink, with the text of the model', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, apply, sink, sinkUrl } = stage;
    await apply(senderPod('sender'), await sampleAgent('pr-reviewer.yaml', stage));
    // Its Secrets are not there: the runner waits for its own, the webhook answers 503.
    const reason = () => kubectl('get', 'ea', 'pr-reviewer', '--output=jsonpath={.status.conditions[?(@.type=="RunnerAvailable")].reason}');
    await eventually('the missing Secret is said', async () => (await reason()) === 'SecretMissing', 90_000);
    const gatewayReason = () =>
      kubectl('get', 'ea', 'pr-reviewer', '--output=jsonpath={.status.conditions[?(@.type=="GatewayReady")].message}');
    await eventually('the missing webhook secret is said', async () => /Secret github-webhook/.test(await gatewayReason()), 90_000);
    await kubectl('wait', '--for=condition=Ready', 'pod/sender', '--timeout=60s');
    assert.match(await post(stage, gateway('/pr-reviewer/github'), pullRequest(sinkUrl, 'early')), /HTTP\/1\.1 503/);

    await apply(secret('github-webhook', { secret: SECRET }), secret('github', { 'auth-header': 'Bearer for-the-sink' }));
    await kubectl('wait', '--for=condition=Ready', 'eventagent/pr-reviewer', '--timeout=180s');
    assert.match(
      await post(stage, gateway('/pr-reviewer/github'), {
        ...pullRequest(sinkUrl, 'forged'),
        headers: { ...pullRequest(sinkUrl, 'forged').headers, 'x-hub-signature-256': 'sha256=00' },
      }),
      /HTTP\/1\.1 401/,
    );
    for (const _ of ['once', 'again'])
      assert.match(await post(stage, gateway('/pr-reviewer/github'), pullRequest(sinkUrl, 'first')), /HTTP\/1\.1 202/);
    await sink.until('the comment arrives', () => sink.effects().some(({ path }) => path === '/comments/first'), 60_000);
    const [effect] = sink.effects().filter(({ path }) => path === '/comments/first');
    assert.match(String((JSON.parse(effect?.body ?? '{}') as { readonly body?: string }).body), /\w/);
    assert.equal(sink.requests().filter(({ path }) => path === '/comments/first').length, 1);
    const row = (await kubectl('get', 'ea', 'pr-reviewer', '--no-headers')).split(/\s{2,}/);
    assert.deepEqual(row.slice(1, 3), ['True', 'Ready']);
  });

  test('an output that fails is a dead letter in kubectl get, and on the metrics', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, sink, sinkUrl } = stage;
    sink.script(({ path }) => (path === '/comments/rejected' ? { status: 422 } : undefined));
    assert.match(await post(stage, gateway('/pr-reviewer/github'), pullRequest(sinkUrl, 'rejected')), /HTTP\/1\.1 202/);
    await eventually(
      'the dead letter is seen',
      async () => (await kubectl('get', 'ea', 'pr-reviewer', '--output=jsonpath={.status.deadLetters}')) === '1',
      60_000,
    );
    await eventually('an event says so', async () =>
      /DeadLetters\s+.*1 messages in the dead-letter queue/.test(await kubectl('describe', 'ea', 'pr-reviewer')),
    );
    assert.match(await inRunner(stage, 'dlq', 'ls', `${AGENTS}/pr-reviewer`), /OutputRejected/);
    const metric = new RegExp(`eventagent_dead_letters\\{namespace="${AGENTS}",agent="pr-reviewer"\\} 1`);
    await eventually('the metrics say so', async () => metric.test(await leaderMetrics(stage)));
  });

  test('somebody with a kubeconfig, `edit` in the namespace and no way to broker or store looks at dead letters and receipts', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl } = stage;
    const cluster = await onCall(t, stage);
    const agent = `${AGENTS}/pr-reviewer`;
    const startedAt = Date.now();
    const listed = await runCli(['dlq', 'ls', agent, ...cluster]);
    t.diagnostic(`dlq ls as a Job took ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    assert.deepEqual(listed, { code: 0, stdout: await inRunner(stage, 'dlq', 'ls', agent), stderr: '' });
    assert.match(listed.stdout, /OutputRejected/);

    const receipts = await runCli(['events', 'ls', agent, '--outcome', 'dead', '--json', ...cluster]);
    assert.equal(receipts.code, 0, receipts.stderr);
    assert.equal((JSON.parse(receipts.stdout) as { readonly reason: string }).reason, 'OutputRejected');

    const exported = await runCli(['dlq', 'export', agent, '--reason', 'OutputRejected', ...cluster]);
    assert.deepEqual([exported.code, exported.stderr], [0, `${agent}: 1 of 1 dead letter exported\n`]);
    assert.equal(exported.stdout, await inRunner(stage, 'dlq', 'export', agent));

    const dry = await runCli(['redrive', agent, '--dry-run', ...cluster]);
    assert.deepEqual([dry.code, dry.stderr], [0, '']);
    assert.equal(dry.stdout, await inRunner(stage, 'redrive', agent, '--dry-run'));

    const none = await runCli(['dlq', 'show', agent, "$(EVENTAGENT_BROKER_DIR) 'x'", ...cluster]);
    assert.deepEqual(none, {
      code: 1,
      stdout: '',
      stderr: `eventagent: ${agent} has no dead letter with the id "$(EVENTAGENT_BROKER_DIR) 'x'" among 1 dead letter\n`,
    });
    assert.equal(await kubectl('get', 'jobs', '--selector=app.kubernetes.io/component=cli', '--output=name'), '');
    assert.equal(await kubectl('get', 'ea', 'pr-reviewer', '--output=jsonpath={.status.deadLetters}'), '1');
  });

  test('a Prometheus scrapes what the PodMonitor names, and the alert on dead letters of the chart fires, and resolves when they are redriven', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, sink, apply } = stage;
    const values = {
      'metrics.podMonitor.enabled': true,
      'metrics.prometheusRule.enabled': true,
      'metrics.prometheusRule.deadLetters.for': '2s',
    };
    const rendered = parseAllDocuments(
      await renderChart({ namespace: SYSTEM, values, templates: ['pod-monitor.yaml', 'prometheus-rule.yaml'] }),
    );
    const documents = rendered.map(
      (document) => document.toJS() as { readonly kind: string; readonly spec: Readonly<Record<string, unknown>> },
    );
    const monitor = documents.find(({ kind }) => kind === 'PodMonitor')?.spec as unknown as PodMonitorSpec;
    const groups = documents.find(({ kind }) => kind === 'PrometheusRule')?.spec.groups as readonly unknown[];
    const [endpoint = { port: '', path: '', honorLabels: false }] = monitor.podMetricsEndpoints;
    assert.deepEqual(monitor.namespaceSelector, { any: true });
    const prometheus = await partOrSkip(t, () =>
      startPrometheus({ targets: () => monitored(stage, monitor), path: endpoint.path, honorLabels: endpoint.honorLabels, groups }),
    );
    if (prometheus === undefined) return;
    await using _server = prometheus;
    await eventually('the alert fires', async () => (await prometheus.firing()).includes('EventAgentDeadLetters'), 60_000);
    for (const metric of ['eventagent_events_total', 'eventagent_gateway_requests_total', 'eventagent_leader'])
      await eventually(`${metric} is scraped`, async () => {
        const answer = (await (await fetch(`${prometheus.url}/api/v1/query?query=count(${metric})`)).json()) as {
          readonly data: { readonly result: readonly unknown[] };
        };
        return answer.data.result.length === 1;
      });
    sink.script(() => undefined);
    const redrive = (name: string, spec: object) => ({
      apiVersion: 'eventagent.dev/v1alpha1',
      kind: 'DeadLetterRedrive',
      metadata: { name, namespace: AGENTS },
      spec: { agentRef: { name: 'pr-reviewer' }, ...spec },
    });
    const untilComplete = (name: string) => kubectl('wait', '--for=condition=Complete', `deadletterredrive/${name}`, '--timeout=90s');
    await apply(redrive('look', { dryRun: true }));
    await untilComplete('look');
    assert.match(await kubectl('get', 'dlr', 'look', '--output=wide'), /\slook\s+pr-reviewer\s+true\s+Complete\s+1\s+0\s+0\.\d+\s/);
    await apply(redrive('again', { filter: { reason: 'OutputRejected' } }));
    await untilComplete('again');
    assert.match(await kubectl('get', 'dlr', 'again'), /\sagain\s+pr-reviewer\s+false\s+Complete\s+1\s+1\s+0\s+0\s/);
    await sink.until('the dead letter is run again', () => sink.effects().some(({ path }) => path === '/comments/rejected'), 60_000);
    await eventually('the alert is over', async () => !(await prometheus.firing()).includes('EventAgentDeadLetters'), 60_000);
    await eventually(
      'and so it says',
      async () => (await kubectl('get', 'ea', 'pr-reviewer', '--output=jsonpath={.status.deadLetters}')) === '0',
      60_000,
    );
  });

  test('a runner that is killed, and a rollout under load, lose nothing and do nothing twice', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, stub, sink, sinkUrl } = stage;
    sink.script(() => undefined);
    stub.script(() => ({ delayMs: 1500 }));
    const ids = Array.from({ length: 24 }, (_, index) => `load-${index}`);
    const sending = (async () => {
      for (const id of ids) assert.match(await post(stage, gateway('/pr-reviewer/github'), pullRequest(sinkUrl, id)), /HTTP\/1\.1 202/);
    })();
    await stub.until('a run is under way', () => stub.received().length > 3, 60_000);
    await kubectl('delete', 'pod', '--selector=eventagent.dev/agent=pr-reviewer', '--grace-period=0', '--force', '--wait=false');
    await kubectl(
      '--namespace',
      SYSTEM,
      'delete',
      'pod',
      '--selector=app.kubernetes.io/component=controller',
      '--grace-period=0',
      '--force',
      '--wait=false',
    );
    await kubectl(
      'patch',
      'ea',
      'pr-reviewer',
      '--type=merge',
      '--patch={"spec":{"agent":{"system":"You are brief."},"delivery":{"concurrency":2}}}',
    );
    await sending;
    const done = () => new Set(sink.effects().map(({ path }) => path));
    await sink.until('everything is done', () => ids.every((id) => done().has(`/comments/${id}`)), 240_000);
    for (const id of ids) assert.equal(sink.effects().filter(({ path }) => path === `/comments/${id}`).length, 1, id);
    await kubectl('wait', '--for=condition=Ready', 'eventagent/pr-reviewer', '--timeout=180s');
    stub.script(() => undefined);
  });

  test('a provider that is away and a spent budget are seen in kubectl, and end by themselves', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, stub, sink, sinkUrl } = stage;
    const condition = (type: string) =>
      kubectl('get', 'ea', 'pr-reviewer', `--output=jsonpath={.status.conditions[?(@.type=="${type}")]['status','reason','message']}`);
    const sent = async (id: string) =>
      assert.match(await post(stage, gateway('/pr-reviewer/github'), pullRequest(sinkUrl, id)), /HTTP\/1\.1 202/);
    const isDone = (id: string) => sink.effects().filter(({ path }) => path === `/comments/${id}`).length === 1;

    stub.script(() => ({ status: 529 }));
    await sent('while-away');
    await eventually(
      'the provider is said to be away',
      async () => /^False Overloaded .*529/.test(await condition('ModelAvailable')),
      90_000,
    );
    await eventually('an event says so', async () =>
      /pr-reviewer/.test(await kubectl('get', 'events', '--field-selector=reason=Overloaded')),
    );
    assert.equal(await kubectl('get', 'ea', 'pr-reviewer', '--output=jsonpath={.status.deadLetters}'), '0');
    stub.script(() => undefined);
    await sink.until('the event is done', () => isDone('while-away'), 120_000);
    await eventually('the provider is said to be back', async () => /^True ModelAnswers/.test(await condition('ModelAvailable')), 90_000);

    // Room for one call by the provider's count and its margin, and not for what another one could cost beside what the first has.
    const { bytes = 0, maxTokens = 0 } = stub.received().at(-1) ?? {};
    const budget = (tokens: number) =>
      kubectl('patch', 'ea', 'pr-reviewer', '--type=merge', `--patch={"spec":{"budget":{"perDay":{"tokens":${tokens}}}}}`);
    const rolledOut = () => kubectl('wait', '--for=condition=Ready', 'eventagent/pr-reviewer', '--timeout=180s');
    await budget(Math.ceil(Math.ceil(bytes / 4) * 1.1) + 100 + maxTokens + 20);
    await rolledOut();
    await sent('within');
    await sink.until('the first is done', () => isDone('within'), 60_000);
    await sent('beyond');
    await eventually('the budget is said to be spent', async () => /^True BudgetSpent/.test(await condition('BudgetExceeded')), 90_000);
    assert.match(await kubectl('get', 'ea', 'pr-reviewer', '--output=wide'), /COST TODAY/);
    await eventually('the cost of the day is said', async () =>
      /^0\.\d\d/.test(await kubectl('get', 'ea', 'pr-reviewer', '--output=jsonpath={.status.costToday}')),
    );
    assert.ok(!isDone('beyond'));
    await budget(100_000_000);
    await rolledOut();
    await sink.until('the event is done, too', () => isDone('beyond'), 120_000);
    await eventually('the budget is said to have room', async () => /^False WithinBudget/.test(await condition('BudgetExceeded')), 90_000);
  });

  test('a schedule fires each minute, and not while its agent is at work', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, apply, stub, claudeUrl, sinkUrl, sink } = stage;
    const spans: { from: number; to: number }[] = [];
    stub.script(() => ({ delayMs: 62_000 }));
    const appliedAt = Date.now();
    await apply(
      {
        apiVersion: 'eventagent.dev/v1alpha1',
        kind: 'EventAgent',
        metadata: { name: 'slow' },
        spec: {
          agent: {
            model: 'claude-sonnet-5-5',
            apiKeySecretRef: { name: 'anthropic', key: 'api-key' },
            baseUrl: claudeUrl,
            prompt: 'At {{ event.time }}: {{ event.data.what }}',
          },
          outputs: [{ name: 'out', http: { url: `${sinkUrl}/slow` } }],
        },
      },
      {
        apiVersion: 'eventagent.dev/v1alpha1',
        kind: 'AgentSchedule',
        metadata: { name: 'minutely' },
        spec: { every: '1m', agentRef: { name: 'slow' }, input: { what: 'the figures' } },
      },
    );
    await kubectl('wait', '--for=condition=Ready', 'eventagent/slow', 'agentschedule/minutely', '--timeout=120s');
    t.diagnostic(`from apply to Ready: ${((Date.now() - appliedAt) / 1000).toFixed(1)} s`);
    await sink.until('two runs are over', () => sink.effects().filter(({ path }) => path === '/slow').length >= 2, 300_000);
    for (const { at, endedAt } of stub
      .ledger()
      .filter(({ marker }) => marker === undefined)
      .slice(-2))
      spans.push({ from: at, to: endedAt });
    const [first, second] = spans.toSorted((a, b) => a.from - b.from);
    assert.ok(first !== undefined && second !== undefined && second.from >= first.to, JSON.stringify(spans));
    await eventually(
      'the run is told',
      async () => (await kubectl('get', 'asched', 'minutely', '--output=jsonpath={.status.lastRun.outcome}')) === 'done',
      60_000,
    );
    assert.match(await kubectl('get', 'jobs', '--selector=eventagent.dev/schedule=minutely'), /Complete/);
    stub.script(() => undefined);
    await kubectl('delete', 'asched', 'minutely');
  });

  test('a large export comes through the log of a Job whole, and a redrive that is told to stop says what it has done', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, rabbit } = stage;
    const cluster = await onCall(t, stage);
    const agent = `${AGENTS}/slow`;
    const { exchange } = brokerNames({ namespace: AGENTS, name: 'slow' });
    const connection = connectRabbitMq({ url: rabbit.amqpUrl, name: 'test' });
    t.after(() => connection.close());
    const channel = await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
    const body = Buffer.from(JSON.stringify({ what: 'the figures', text: 'ü "quoted"\r\n'.repeat(4_000) }));
    for (let index = 0; index < LETTERS; index += 1) {
      const message = buriedMessage({ id: `large-${index}`, content: { body, contentType: 'application/json' } });
      assert.equal(await channel.publish({ ...message, exchange, routingKey: 'dead' }), 'confirmed');
    }
    const startedAt = Date.now();
    const { code, stdout, stderr } = await runCli(['dlq', 'export', agent, ...cluster]);
    t.diagnostic(`${(stdout.length / 2 ** 20).toFixed(1)} MiB as a Job took ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    assert.deepEqual([code, stderr], [0, `${agent}: ${LETTERS} of ${LETTERS} dead letters exported\n`]);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, LETTERS);
    for (const line of lines) assert.deepEqual((JSON.parse(line) as { readonly data: unknown }).data, JSON.parse(body.toString()));

    const redrive = spawn(process.execPath, [CLI, 'redrive', agent, '--rate', '1/m', ...cluster], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => redrive.kill('SIGKILL'));
    const said = { out: '', err: '' };
    redrive.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    redrive.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    const receipt = () =>
      kubectl('exec', 'deploy/slow-runner', '--', 'node', 'dist/cli/main.js', 'events', 'show', agent, 'large-0').catch(() => '');
    await eventually('one is run again', async () => redrive.exitCode !== null || (await receipt()) !== '', 90_000);
    redrive.kill('SIGINT');
    assert.deepEqual(await once(redrive, 'close'), [1, null], said.err);
    assert.equal(said.out, `${agent}: of ${LETTERS} messages redriven 1, superseded 0, further copies 0, left ${LETTERS - 1}\n`);
    assert.match(said.err, /the Job is being ended, .*\neventagent: told to stop by SIGTERM\neventagent: told to stop by SIGINT\n$/s);
    assert.equal(await kubectl('get', 'jobs', '--selector=app.kubernetes.io/component=cli', '--output=name'), '');
  });

  test('nothing of ours has a token but the operator, and it may read no Secret', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl } = stage;
    const pods = JSON.parse(await kubectl('get', 'pods', '--selector=app.kubernetes.io/managed-by=eventagent', '--output=json')) as {
      readonly items: readonly {
        readonly spec: { readonly automountServiceAccountToken?: boolean; readonly volumes: readonly object[] };
      }[];
    };
    assert.ok(pods.items.length > 0);
    for (const { spec } of pods.items)
      assert.ok(spec.automountServiceAccountToken === false && !JSON.stringify(spec.volumes).includes('serviceAccountToken'));
    const account = `system:serviceaccount:${SYSTEM}:${await kubectl('--namespace', SYSTEM, 'get', 'deployments', '--output=jsonpath={.items[0].spec.template.spec.serviceAccountName}')}`;
    for (const verb of ['get', 'list', 'watch'])
      assert.equal((await kubectl('auth', 'can-i', verb, 'secrets', `--as=${account}`).catch(() => 'no')).trim(), 'no');
  });

  test('a deleted agent leaves its dead letters, and nothing else', async (t) => {
    const stage = await partOrSkip(t, theStage);
    if (stage === undefined) return;
    const { kubectl, rabbit } = stage;
    await kubectl('delete', 'ea', 'pr-reviewer', 'slow', '--timeout=240s');
    const queues = (await manage(rabbit, 'GET', '/api/queues/%2F')) as readonly { readonly name: string }[];
    const names = ['pr-reviewer', 'slow'].map((name) => brokerNames({ namespace: AGENTS, name }).dead);
    assert.deepEqual(new Set(queues.map(({ name }) => name)), new Set(names));
    await eventually(
      'the gateway goes with the last webhook',
      async () => !(await kubectl('get', 'deployments', '--output=name')).includes('eventagent-gateway'),
    );
  });
});

/** How many large dead letters there are: less in all than a log may grow to before the kubelet begins another. */
const LETTERS = 60;

/** The flags of somebody who has `edit` in the namespace of the agents, and nothing else. */
async function onCall(t: TestContext, { node, kubectl }: ClusterStage): Promise<readonly string[]> {
  const [name, folder] = [`on-call-${randomUUID()}`, await mkdtemp(join(tmpdir(), 'eventagent-on-call-'))];
  t.after(() => rm(folder, { recursive: true, force: true }));
  await kubectl('create', 'serviceaccount', name);
  await kubectl('create', 'rolebinding', name, '--clusterrole=edit', `--serviceaccount=${AGENTS}:${name}`);
  const { kubeconfig } = await asServiceAccount(node.controlPlane, { namespace: AGENTS, name }, join(folder, 'kubeconfig'));
  return ['--kubeconfig', kubeconfig];
}

/** What a command of ours says in the runner's pod, where it finds broker and store by itself. */
function inRunner({ kubectl }: ClusterStage, ...words: readonly string[]): Promise<string> {
  return kubectl('exec', 'deploy/pr-reviewer-runner', '--', 'node', 'dist/cli/main.js', ...words);
}

/** The metrics of the operator's pod that leads, from inside the cluster. */
async function leaderMetrics({ kubectl }: ClusterStage): Promise<string> {
  const ips = await kubectl(
    '--namespace',
    SYSTEM,
    'get',
    'pods',
    '--selector=app.kubernetes.io/component=controller',
    '--output=jsonpath={.items[*].status.podIP}',
  );
  const texts = await Promise.all(
    ips
      .trim()
      .split(' ')
      .map((ip) => kubectl('exec', 'sender', '--', 'wget', '-q', '-O', '-', `http://${ip}:9090/metrics`)),
  );
  return texts.find((text) => /^eventagent_leader 1$/m.test(text)) ?? texts.join('\n');
}

/** What of a PodMonitor decides what is scraped, and how. */
interface PodMonitorSpec {
  readonly namespaceSelector: unknown;
  readonly selector: {
    readonly matchLabels: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly { readonly key: string; readonly operator: 'In'; readonly values: readonly string[] }[];
  };
  readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string; readonly honorLabels: boolean }[];
}

/** The pods that a PodMonitor selects, at the port that it names: what the Prometheus operator would make of it. */
async function monitored({ kubectl }: ClusterStage, { selector, podMetricsEndpoints }: PodMonitorSpec): Promise<readonly ScrapeTarget[]> {
  const labels = Object.entries(selector.matchLabels).map(([name, value]) => `${name}=${value}`);
  const expressions = (selector.matchExpressions ?? []).map(({ key, values }) => `${key} in (${values.join(',')})`);
  const text = await kubectl('get', 'pods', '--all-namespaces', `--selector=${[...labels, ...expressions].join(',')}`, '--output=json');
  const { items } = JSON.parse(text) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string; readonly namespace: string };
      readonly spec: {
        readonly containers: readonly { readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[] }[];
      };
      readonly status: { readonly podIP?: string };
    }[];
  };
  return items.flatMap(({ metadata, spec, status }) =>
    spec.containers
      .flatMap(({ ports = [] }) => ports)
      .filter(({ name }) => name === podMetricsEndpoints[0]?.port && status.podIP !== undefined)
      .map(({ containerPort }) => ({
        address: `${status.podIP}:${containerPort}`,
        labels: { namespace: metadata.namespace, pod: metadata.name },
      })),
  );
}
