import { type EventAgentCondition, readyParts } from '../../api/conditions.ts';
import type { Route } from '../../api/configuration.ts';
import type { Condition, EventAgentStatus } from '../../api/generated/event-agent.ts';
import { GATEWAY_NAME, ports } from '../../api/kube-names.ts';
import { bad, good, unknown, type Verdict } from '../verdict.ts';
import type { Depths } from './topology.ts';

/** What a status is made of. */
export interface StatusParts {
  readonly generation: number;
  readonly verdicts: Readonly<Record<(typeof readyParts)[number], Verdict>>;
  readonly model: Verdict;
  readonly budget: Verdict;
  readonly alike: Verdict;
  readonly fanOut: Verdict;
  /** What the agent has cost today, where that is known. */
  readonly costToday: string | undefined;
  /** Whether nothing is run because the spec says so; `not yet`: pods that were started before are still at work. */
  readonly suspended: 'yes' | 'not yet' | 'no';
  /** `undefined` where they are not known. */
  readonly depths: Depths | undefined;
  readonly replicas: number | undefined;
  readonly selector: string;
  readonly routes: readonly Route[];
  /** Name of the ConfigMap in force. */
  readonly configuration?: string | undefined;
}

/** The API server takes no longer message; one that is cut in the middle of a character would be stored as another one than was written. */
const MAX_MESSAGE = 4096;

/** The status of an agent, given the one before: a condition keeps its time while its status stays. `now` as RFC 3339. Pure. */
export function statusFor(parts: StatusParts, before: EventAgentStatus | undefined, now: string): EventAgentStatus {
  const { generation, verdicts, model, budget, alike, fanOut, costToday, suspended, depths, replicas, selector, routes, configuration } =
    parts;
  const all: Readonly<Record<EventAgentCondition, Verdict>> = {
    ...verdicts,
    Ready: readyVerdict(verdicts, suspended),
    Suspended: suspensions[suspended],
    ModelAvailable: model,
    BudgetExceeded: budget,
    FailingAlike: alike,
    DeadLettersPresent: deadLettersVerdict(depths),
    WideFanOut: fanOut,
  };
  const conditions = Object.entries(all).map(([type, verdict]) => conditionFor(type, verdict, generation, before?.conditions, now));
  return {
    observedGeneration: generation,
    conditions,
    ...(replicas === undefined ? {} : { replicas }),
    selector,
    ...(configuration === undefined ? {} : { configuration }),
    ...(depths === undefined ? {} : depths),
    ...(costToday === undefined ? {} : { costToday }),
    ...(routes.length === 0
      ? {}
      : { webhooks: routes.map(({ trigger, path }) => ({ trigger, path, service: GATEWAY_NAME, port: ports.service })) }),
  };
}

const suspensions: Readonly<Record<StatusParts['suspended'], Verdict>> = {
  yes: good('Suspended', 'spec.suspend is true: nothing is run, events wait in the queue'),
  'not yet': bad('Suspending', 'spec.suspend is true: pods that were started before take events until they are replaced'),
  no: bad('NotSuspended', 'spec.suspend is false'),
};

/** One condition; its time is that of the last change of its status. */
export function conditionFor(
  type: string,
  { status, reason, message }: Verdict,
  generation: number,
  before: readonly Condition[] | undefined,
  now: string,
): Condition {
  const known = before?.find((condition) => condition.type === type);
  const lastTransitionTime = known !== undefined && known.status === status ? known.lastTransitionTime : now;
  const cut = message.slice(0, MAX_MESSAGE).toWellFormed();
  return { type, status, reason, message: cut, lastTransitionTime, observedGeneration: generation };
}

/** The first part that is not well gives the reason; where one is bad, it counts before one that nobody knows of. */
function readyVerdict(verdicts: StatusParts['verdicts'], suspended: StatusParts['suspended']): Verdict {
  for (const status of ['False', 'Unknown'] as const) {
    for (const part of readyParts) {
      const verdict = verdicts[part];
      if (verdict.status === status) return { ...verdict, message: `${part}: ${verdict.message}` };
    }
  }
  return suspended === 'yes'
    ? good('Suspended', 'everything is as it should be; spec.suspend is true, so nothing is run')
    : good('Ready', 'everything is as it should be');
}

function deadLettersVerdict(depths: Depths | undefined): Verdict {
  if (depths === undefined) return unknown('DepthUnknown', 'the broker does not say how many dead letters there are');
  const { deadLetters } = depths;
  return deadLetters === 0
    ? bad('NoDeadLetters', 'the dead-letter queue is empty')
    : good('DeadLetters', `${deadLetters} messages in the dead-letter queue; their headers ea-reason and ea-error say why`);
}

/** Numbers wake GitOps tools: between zero and non-zero, and between known and unknown, they change at once, else once a minute and by a tenth. */
export function isWorthWriting(before: number | undefined, now: number | undefined, sinceMs: number): boolean {
  if (before === now) return false;
  if (before === undefined || now === undefined || (before === 0) !== (now === 0)) return true;
  return sinceMs >= 60_000 && Math.abs(now - before) * 10 >= before;
}
