import { CONFIGURATION_ANNOTATION, labelNames } from '../api/kube-names.ts';
import type { ObjectHead } from '../kube/resources.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../lib/clock.ts';
import type { NamespaceViews } from './event-agent/namespace-views.ts';
import type { watchedKinds } from './kinds.ts';

/** What the work queues know an object by. */
export function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** Has the queues told of what happens. A change of one agent's spec can change how others stand: the namespace is judged again, once for many changes at a time. */
export function wakeOnChanges(
  watched: ReturnType<typeof watchedKinds>,
  views: NamespaceViews,
  {
    agents,
    gateways,
    schedules,
    redrives,
  }: { readonly agents: WorkQueue; readonly gateways: WorkQueue; readonly schedules: WorkQueue; readonly redrives: WorkQueue },
  clock: Clock,
): void {
  const dirty = new Set<string>();
  const judgeAgain = (namespace: string) => {
    views.outdate(namespace);
    if (dirty.size === 0) {
      clock.timer(0, () => {
        for (const one of dirty) {
          for (const name of views.changedIn(one)) agents.add(`${one}/${name}`);
          gateways.add(one);
          for (const { metadata } of watched.agentSchedules.list(one)) schedules.add(keyOf(metadata));
          for (const { metadata } of watched.deadLetterRedrives.list(one)) redrives.add(keyOf(metadata));
        }
        dirty.clear();
      });
    }
    dirty.add(namespace);
  };
  watched.eventAgents.onChange((now, before) => {
    const { metadata } = now ?? before ?? {};
    if (metadata === undefined) return;
    if (now === undefined && before?.metadata.uid !== undefined) views.forget(before.metadata.uid);
    if (isStatusOnly(now, before)) return;
    if (!isSameSpec(now, before)) judgeAgain(metadata.namespace);
    agents.add(keyOf(metadata));
  });
  const wake = (labels: Readonly<Record<string, string>> | undefined, namespace: string | undefined) => {
    const { [labelNames.agent]: agent, [labelNames.schedule]: schedule, [labelNames.redrive]: redrive } = labels ?? {};
    if (namespace === undefined) return;
    if (redrive !== undefined) redrives.add(`${namespace}/${redrive}`);
    else if (schedule !== undefined) schedules.add(`${namespace}/${schedule}`);
    else if (agent !== undefined) agents.add(`${namespace}/${agent}`);
    else if (labels?.[labelNames.component] === 'gateway') gateways.add(namespace);
  };
  for (const kind of [
    watched.deployments,
    watched.replicaSets,
    watched.configMaps,
    watched.pods,
    watched.services,
    watched.podDisruptionBudgets,
    watched.cronJobs,
    watched.jobs,
  ]) {
    kind.onChange((now, before) => {
      const metadata = (now ?? before)?.metadata;
      wake(metadata?.labels, metadata?.namespace);
    });
  }
  watched.agentSchedules.onChange((now, before) => {
    const { metadata } = now ?? before ?? {};
    if (metadata !== undefined && !isStatusOnly(now, before)) schedules.add(keyOf(metadata));
  });
  watched.deadLetterRedrives.onChange((now, before) => {
    const { metadata } = now ?? before ?? {};
    if (metadata !== undefined && !isStatusOnly(now, before)) redrives.add(keyOf(metadata));
  });
  // What an agent's pods run is its last good version.
  watched.deployments.onChange((now, before) => {
    const metadata = (now ?? before)?.metadata;
    const changed =
      now?.spec?.template?.metadata?.annotations?.[CONFIGURATION_ANNOTATION] !==
      before?.spec?.template?.metadata?.annotations?.[CONFIGURATION_ANNOTATION];
    if (changed && metadata?.namespace !== undefined && metadata.labels?.[labelNames.agent] !== undefined) judgeAgain(metadata.namespace);
  });
  watched.configMaps.onChange((now, before) => {
    const metadata = (now ?? before)?.metadata;
    if (metadata?.namespace !== undefined && metadata.labels?.[labelNames.component] === 'runner')
      views.outdateLastGood(metadata.namespace);
  });
}

/** Whether an agent stands among the others as it did. */
function isSameSpec(now: ObjectHead | undefined, before: ObjectHead | undefined): boolean {
  const textOf = ({ metadata: { uid, generation, deletionTimestamp } }: ObjectHead) => JSON.stringify([uid, generation, deletionTimestamp]);
  return now !== undefined && before !== undefined && textOf(now) === textOf(before);
}

/** Writes of the status wake nobody, nor do those of the finalizer: where somebody takes that away, the resync puts it back. */
function isStatusOnly(now: ObjectHead | undefined, before: ObjectHead | undefined): boolean {
  if (now === undefined || before === undefined || now.metadata.uid !== before.metadata.uid) return false;
  const textOf = ({ metadata: { generation, deletionTimestamp, annotations, labels } }: ObjectHead) =>
    JSON.stringify([generation, deletionTimestamp, annotations, labels]);
  return textOf(now) === textOf(before);
}
