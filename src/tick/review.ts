import { count, flag, fromJson, listOf, name, object } from '../api/json-shape.ts';
import type { TickConfiguration } from '../api/tick-configuration.ts';
import { findingsOf } from '../dead-letters/findings.ts';
import { DeadLetterError } from '../dead-letters/reading.ts';
import { type ReviewAgent, type ReviewReport, reviewReport, reviewReportShape } from '../dead-letters/review-report.ts';
import type { SurveyPorts } from '../dead-letters/survey.ts';
import { Termination } from '../lib/termination.ts';
import type { Store } from '../store/port.ts';
import { askingBroker, askingStore, type Patience } from './patience.ts';

/** What a review works with. */
export interface ReviewPorts extends SurveyPorts {
  readonly store: Pick<Store, 'readCell' | 'replaceCell'>;
}

/** A report that was made for an event, as it is kept. */
interface Made {
  readonly eventId: string;
  /** Whether the event has gone out with it; else nobody has read it. */
  readonly published: boolean;
  /** How many causes there were. */
  readonly causes: number;
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

/** Of all agents together the most frequent causes: so many are kept, and so many are in the event, which is pasted into a prompt; and so much of what each says. */
const MOST_KEPT = 1000;
const MOST_TOLD = 100;
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
  if (own !== undefined) return told(own);
  const last = made.findLast(({ published }) => published);
  const refs = agents.map((name) => ({ namespace: schedule.namespace, name }));
  // What dies while it is looked counts for the next one.
  const at = patience.clock.now();
  const findings = await askingBroker(patience, () => findingsOf(ports, refs, prefix, last?.report, () => {})).catch((error: unknown) => {
    if (!(error instanceof DeadLetterError)) throw error;
    throw new Termination('PublishRefused', `spec.deadLetterReview.agents: ${error.message}; no event was published for ${agent.name}`, {
      cause: error,
    });
  });
  const report = reviewReport(findings, at, last?.report);
  const next: Made = { eventId, published: false, causes: causesOf(report).length, report: cut(report, MOST_KEPT) };
  const text = JSON.stringify({ made: [...(last === undefined ? [] : [last]), next] });
  const { written } = await askingStore(patience, () => ports.store.replaceCell(key, stored?.version ?? 0, text, KEPT_MS));
  // Somebody was faster with another tick of the schedule: what that one has made counts.
  return written ? told(next) : reviewFor(configuration, agents, eventId, ports, patience);
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

/** A kept report as the event has it. */
function told({ report, causes }: Made): EventReview {
  const shown = cut(report, MOST_TOLD);
  return { ...shown, omittedCauses: causes - causesOf(shown).length };
}

function causesOf({ agents }: ReviewReport) {
  return agents.flatMap(({ groups }) => groups);
}

/** The report with its most frequent causes, and the beginning of what each says. */
function cut(report: ReviewReport, most: number): ReviewReport {
  const kept = new Set(
    causesOf(report)
      .toSorted((a, b) => b.count - a.count)
      .slice(0, most),
  );
  const agents = report.agents.map(
    (agent): ReviewAgent => ({
      ...agent,
      groups: agent.groups
        .filter((group) => kept.has(group))
        .map((group) => ({ ...group, error: group.error.slice(0, MOST_ERROR_CHARACTERS).toWellFormed() })),
    }),
  );
  return { ...report, agents };
}

const reports = object<Reports>({
  made: listOf(object<Made>({ eventId: name, published: flag, causes: count(0), report: reviewReportShape })),
});
