import { flag, fromJson, listOf, name, object } from '../api/json-shape.ts';
import type { TickConfiguration } from '../api/tick-configuration.ts';
import { BrokerError } from '../broker/port.ts';
import { findingsOf } from '../dead-letters/findings.ts';
import { DeadLetterError } from '../dead-letters/reading.ts';
import { type ReviewAgent, type ReviewReport, reviewReport, reviewReportShape } from '../dead-letters/review-report.ts';
import type { SurveyPorts } from '../dead-letters/survey.ts';
import { Termination } from '../lib/termination.ts';
import type { Store } from '../store/port.ts';
import { askingStore, type Patience } from './patience.ts';

/** What a review works with. */
export interface ReviewPorts extends SurveyPorts {
  readonly store: Pick<Store, 'readCell' | 'replaceCell'>;
}

/** A report that was made for an event. `published`: whether the event has gone out with it; else nobody has read it. */
interface Made {
  readonly eventId: string;
  readonly published: boolean;
  readonly report: ReviewReport;
}

/** What is remembered of a schedule's reports: the last one that was published, and after it one that may have been. */
interface Reports {
  readonly made: readonly Made[];
}

/** A report of the dead letters of agents, as the event of a schedule has it, and what it leaves out. */
export interface EventReview extends ReviewReport {
  /** Causes that are left out, the rarest; in the numbers of their agents they are. */
  readonly omittedCauses: number;
}

/** The event is pasted into a prompt: so many causes, the most frequent of all agents, and so much of what each says. */
const MOST_CAUSES = 100;
const MOST_ERROR_CHARACTERS = 300;

/** How long the last report is remembered: longer than the longest time between two runs. */
const KEPT_MS = 400 * 24 * 3_600_000;

/**
 * The review for the event of a tick, made once: a tick that is repeated gets the same. It is compared with that of the last event which was published before this one. Rejects as
 * `askingStore`, and with `Termination` where the broker is away or a queue is missing.
 */
export async function reviewFor(
  configuration: TickConfiguration,
  agents: readonly string[],
  eventId: string,
  ports: ReviewPorts,
  patience: Patience,
): Promise<EventReview> {
  const { agent, schedule, prefix } = configuration;
  const key = cellOf(configuration);
  const { stored } = await askingStore(patience, () => ports.store.readCell(key));
  const { made } = stored === undefined ? { made: [] } : fromJson(stored.text, reports);
  const own = made.find((one) => one.eventId === eventId);
  if (own !== undefined) return cut(own.report);
  const last = made.findLast(({ published }) => published);
  const refs = agents.map((name) => ({ namespace: schedule.namespace, name }));
  const findings = await findingsOf(ports, refs, prefix, last?.report, (name, { unseen }) => {
    if (unseen > 0) patience.log.warn('dead letters were counted and not seen: somebody else looks at them', { agent: name, unseen });
  }).catch((error: unknown) => {
    throw failureOf(error, agent.name);
  });
  const report = reviewReport(findings, patience.clock.now(), last?.report);
  const next: Made = { eventId, published: false, report };
  const text = JSON.stringify({ made: [...(last === undefined ? [] : [last]), next] });
  const { written } = await askingStore(patience, () => ports.store.replaceCell(key, stored?.version ?? 0, text, KEPT_MS));
  // Somebody was faster with another tick of the schedule: what that one has made counts.
  return written ? cut(report) : reviewFor(configuration, agents, eventId, ports, patience);
}

/** Remembers that the event of a review has gone out: the next review is compared with it. May be repeated. Rejects as `askingStore`. */
export async function reviewPublished(
  configuration: TickConfiguration,
  eventId: string,
  store: ReviewPorts['store'],
  patience: Patience,
): Promise<void> {
  const key = cellOf(configuration);
  for (;;) {
    const { stored } = await askingStore(patience, () => store.readCell(key));
    if (stored === undefined) return;
    const { made } = fromJson(stored.text, reports);
    const own = made.find((one) => one.eventId === eventId);
    if (own === undefined || own.published) return;
    const text = JSON.stringify({ made: [{ ...own, published: true }] });
    const { written } = await askingStore(patience, () => store.replaceCell(key, stored.version, text, KEPT_MS));
    if (written) return;
  }
}

function cellOf({ agent, schedule }: TickConfiguration) {
  return { owner: agent, name: `review:${schedule.uid}` };
}

function cut(report: ReviewReport): EventReview {
  const all = report.agents.flatMap(({ groups }) => groups);
  const kept = new Set(all.toSorted((a, b) => b.count - a.count).slice(0, MOST_CAUSES));
  const agents = report.agents.map(
    (agent): ReviewAgent => ({
      ...agent,
      groups: agent.groups
        .filter((group) => kept.has(group))
        .map((group) => ({ ...group, error: group.error.slice(0, MOST_ERROR_CHARACTERS).toWellFormed() })),
    }),
  );
  return { ...report, agents, omittedCauses: all.length - kept.size };
}

function failureOf(error: unknown, agent: string): unknown {
  if (error instanceof BrokerError)
    return new Termination(error.code === 'LoginRefused' ? 'BrokerLoginRefused' : 'BrokerUnreachable', error.message, { cause: error });
  if (error instanceof DeadLetterError)
    return new Termination('PublishRefused', `spec.deadLetterReview.agents: ${error.message}; no event was published for ${agent}`, {
      cause: error,
    });
  return error;
}

const reports = object<Reports>({
  made: listOf(object<Made>({ eventId: name, published: flag, report: reviewReportShape })),
});
