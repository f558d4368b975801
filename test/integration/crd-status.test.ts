import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { type ConditionReason, conditionReasons, readyParts } from '../../src/api/conditions.ts';
import type { AgentScheduleStatus } from '../../src/api/generated/agent-schedule.ts';
import type { DeadLetterRedriveStatus } from '../../src/api/generated/dead-letter-redrive.ts';
import type { EventAgentStatus } from '../../src/api/generated/event-agent.ts';
import { configMapName, cronJobName, runnerName, selectorFor, selectorText } from '../../src/api/kube-names.ts';
import { usdDecimal } from '../../src/api/prices.ts';
import { type RedriveOutcome, redriveOutcomes } from '../../src/api/redrive-progress.ts';
import { tickOutcomes } from '../../src/api/tick-outcomes.ts';
import type { RunEnd } from '../../src/controller/agent-schedule/runs.ts';
import { type ScheduleStatusParts, scheduleStatusFor } from '../../src/controller/agent-schedule/status.ts';
import { notHeard, redriveStatusFor } from '../../src/controller/dead-letter-redrive/status.ts';
import { type StatusParts, statusFor } from '../../src/controller/event-agent/status.ts';
import { bad, good, unknown, type Verdict } from '../../src/controller/verdict.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { type KubeObject, type Resource, resources } from '../../src/kube/resources.ts';
import { freshNamespace } from '../parts/kubernetes-namespace.ts';
import { type KubernetesVersion, kubernetesVersions } from '../parts/kubernetes-programs.ts';
import { clusterWithDefinitions } from '../support/definitions.ts';
import { fullAgent } from '../support/full-agent.ts';
import { fullRedrive } from '../support/full-redrive.ts';
import { fullSchedule } from '../support/full-schedule.ts';
import { clientOf } from '../support/kube-connection.ts';
import { mutated } from '../support/mutation.ts';

const signal = AbortSignal.timeout(120_000);
const now = '2026-01-01T00:00:00Z';

/** Some are longer than a message may be, some have what YAML does not take as it stands. */
const messages = [
  '',
  'plain',
  'm'.repeat(5000),
  'é'.repeat(5000),
  '🙂'.repeat(5000),
  'line\nline\t"\\\u0000\u2028',
  'a\u007fb\u0085c\u0092d\uffff',
];
const verdicts: readonly Verdict[] = (Object.keys(conditionReasons) as ConditionReason[]).map((reason, index) => {
  const verdict = [good, bad, unknown][index % 3] ?? unknown;
  return verdict(reason, messages[index % messages.length] ?? '');
});

/** Each part of a verdict of its own, all other parts in turn. */
function combined<Part extends string>(parts: readonly Part[]): readonly Readonly<Record<Part, Verdict>>[] {
  return verdicts.map(
    (_, index) =>
      Object.fromEntries(parts.map((part, at) => [part, verdicts[(index + at) % verdicts.length]])) as Readonly<Record<Part, Verdict>>,
  );
}

const name = 'a'.repeat(40);
const routes: StatusParts['routes'] = Array.from({ length: 16 }, (_, index) => ({
  agent: { namespace: 'n', name },
  trigger: `t${index}`.padEnd(40, 't'),
  path: `/${index}`.padEnd(200, 'p'),
  verification: { scheme: 'None' },
  maxBodyBytes: 1,
  target: { exchange: 'e', routingKey: 'work' },
}));

const agentParts: StatusParts = {
  generation: 2 ** 53 - 1,
  verdicts: combined(readyParts)[0] as StatusParts['verdicts'],
  model: bad('Overloaded', 'm'.repeat(5000)),
  budget: good('BudgetSpent', 'é'.repeat(5000)),
  alike: good('SameFailure', '🙂'.repeat(5000)),
  fanOut: good('ManyAgents', 'f'.repeat(5000)),
  costToday: usdDecimal(9_007_199_254_000_000),
  suspended: 'yes',
  depths: { queued: 2 ** 53 - 1, deadLetters: 2 ** 53 - 1 },
  replicas: 100,
  selector: selectorText(selectorFor('runner', name)),
  routes,
  configuration: configMapName(runnerName({ name }), ''),
};

const agentStatuses: readonly ((before: EventAgentStatus | undefined) => EventAgentStatus)[] = [
  ...combined(readyParts).map((parts): StatusParts => ({ ...agentParts, verdicts: parts })),
  { ...agentParts, depths: undefined, replicas: undefined, routes: [], configuration: undefined, suspended: 'no' as const },
  { ...agentParts, depths: { queued: 0, deadLetters: 0 }, replicas: 0 },
].map((parts) => (before) => statusFor(parts, before, now));

const scheduleName = 's'.repeat(63);
const scheduleParts: ScheduleStatusParts = {
  generation: 1,
  verdicts: combined(['Accepted', 'AgentResolved', 'CronJobReady'])[0] as ScheduleStatusParts['verdicts'],
  suspended: false,
  cronJob: cronJobName(scheduleName),
  lastScheduleTime: now,
  runs: [],
  count: { missed: 2 ** 53 - 1, through: Date.UTC(2026, 0, 1) },
  nextAt: Date.UTC(9999, 11, 31, 23, 59),
};

function ended(outcome: RunEnd['outcome'], slot: number | undefined, reason?: string): Pick<ScheduleStatusParts, 'runs'> {
  const end: RunEnd = { outcome, finishedAt: now, message: 'm'.repeat(5000), ...(reason === undefined ? {} : { reason }) };
  return { runs: [{ job: 'j', slot, end }] };
}

const scheduleStatuses: readonly ((before: AgentScheduleStatus | undefined) => AgentScheduleStatus)[] = [
  ...combined(['Accepted', 'AgentResolved', 'CronJobReady'] as const).map((parts) => ({ ...scheduleParts, verdicts: parts })),
  ...[...(Object.keys(tickOutcomes) as (keyof typeof tickOutcomes)[]), 'deadline' as const, 'failed' as const].flatMap((outcome) => [
    { ...scheduleParts, ...ended(outcome, Date.UTC(2026, 0, 1), 'AttemptsExhausted') },
    { ...scheduleParts, ...ended(outcome, undefined) },
  ]),
  ...(['begun', 'not-started', 'skipped'] as const).map((last) => ({ ...scheduleParts, count: { missed: 1, through: 0, last } })),
  { ...scheduleParts, lastScheduleTime: undefined, nextAt: undefined, count: { missed: 0, through: 0 }, suspended: true },
].map((parts) => (before) => scheduleStatusFor(parts, before, now));

const ends = { succeeded: 1, discarded: 2, deadAgain: 3, underWay: 4, notFollowed: 5 };
const counts = { depth: 20, redriven: 10, superseded: 1, copies: 2, withOpenIntents: 3, unreadable: { events: 4, examples: ['1'] }, ends };
const job = { name: 'j', createdAt: now };
const over = { ...job, is: 'over', succeeded: false, finishedAt: now, words: 'w'.repeat(5000) } as const;

const redriveStatuses: readonly ((before: DeadLetterRedriveStatus | undefined) => DeadLetterRedriveStatus)[] = [
  { job: { is: 'missing' } as const, progress: undefined },
  { job: { is: 'missing', trouble: notHeard } as const, progress: undefined },
  { job: { ...job, is: 'running' } as const, progress: { counts } },
  ...(Object.keys(redriveOutcomes) as RedriveOutcome[]).map((outcome) => ({
    job: over,
    progress: { counts, outcome, message: 'm'.repeat(5000), estimatedCostNanoUsd: Number.MAX_SAFE_INTEGER },
  })),
  { job: over, progress: undefined },
  { job: { ...over, succeeded: true }, progress: undefined },
].flatMap((parts) =>
  [true, false].map((dryRun) => (before: DeadLetterRedriveStatus | undefined) => {
    const agent = dryRun ? good('Resolved', 'm') : bad('AgentMissing', 'm'.repeat(5000));
    return redriveStatusFor({ generation: 1, agent, dryRun, ...parts }, before, now);
  }),
);

/** Writes statuses one after the other as the operator does, and holds each against what the API server then has. */
async function writeAll<Status extends object>(
  client: KubeClient,
  resource: Resource,
  object: Record<string, unknown>,
  statuses: readonly ((before: Status | undefined) => Status)[],
): Promise<void> {
  const { apiVersion, kind, metadata } = await client.create(resource, object as unknown as KubeObject, signal);
  const head = { apiVersion, kind, metadata: { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' } };
  const options = { fieldManager: 'eventagent-status', subresource: 'status' } as const;
  let before: Status | undefined;
  for (const statusOf of statuses) {
    const status: Status = statusOf(before);
    const written = { ...head, status } as KubeObject;
    const stored: KubeObject = await client.apply(resource, written, options, signal);
    assert.deepEqual(stored.status, status);
    assert.equal(stored.metadata.generation, 1, 'a status is no change of the spec');
    if (before === undefined) {
      const again: KubeObject = await client.apply(resource, written, options, signal);
      assert.equal(again.metadata.resourceVersion, stored.metadata.resourceVersion, 'the same status is no write');
    }
    before = stored.status as Status;
  }
}

for (const version of kubernetesVersions)
  suite(`what the operator writes into a status, on Kubernetes ${version}`, () => {
    const onStage = async (t: TestContext, on: KubernetesVersion, body: (client: KubeClient, namespace: string) => Promise<void>) => {
      const cluster = await clusterWithDefinitions(t, on);
      if (cluster === undefined) return;
      await using own = await freshNamespace(cluster);
      await using client = await clientOf(cluster);
      await body(client, own.namespace);
    };

    test('is what an EventAgent can hold, whatever its reasons, messages and numbers', (t) =>
      onStage(t, version, (client, namespace) =>
        writeAll(client, resources.eventAgents, mutated(fullAgent(), { metadata: { namespace, name } }), agentStatuses),
      ));

    test('is what an AgentSchedule can hold, whatever its reasons and outcomes', (t) =>
      onStage(t, version, (client, namespace) =>
        writeAll(
          client,
          resources.agentSchedules,
          mutated(fullSchedule(), { metadata: { namespace, name: scheduleName } }),
          scheduleStatuses,
        ),
      ));

    test('is what a DeadLetterRedrive can hold, whatever its end, its words and its numbers', (t) =>
      onStage(t, version, (client, namespace) =>
        writeAll(client, resources.deadLetterRedrives, mutated(fullRedrive(), { metadata: { namespace, name } }), redriveStatuses),
      ));
  });
