import { count, fromJson, listOf, name, object, optional, type Parse, text, word } from '../api/json-shape.ts';
import { InputError } from '../lib/errors.ts';
import type { LetterGroup } from './groups.ts';

/** How the number of dead letters of one cause has changed since the last report. */
export type Trend = 'new' | 'growing' | 'steady' | 'shrinking' | 'gone';

/** Dead letters of one cause, in a report. Times in ISO 8601. */
export interface ReviewGroup {
  readonly fingerprint: string;
  readonly reason: string;
  readonly count: number;
  readonly oldestAt?: string;
  readonly newestAt?: string;
  /** What one of them is called; missing where none is left. */
  readonly exampleId?: string;
  readonly error: string;
  /** What has happened since the last report; missing where there is none. */
  readonly since?: ReviewChange;
}

/** What has happened to one cause since the last report. */
export interface ReviewChange {
  /** Dead letters that have come. */
  readonly arrived: number;
  /** Dead letters that were there and are no more. */
  readonly gone: number;
  readonly trend: Trend;
}

/** The dead letters of one agent, in a report. */
export interface ReviewAgent {
  /** `NAMESPACE/NAME` */
  readonly agent: string;
  readonly deadLetters: number;
  /** Messages that were counted and did not come, since somebody else looked at them: they are in no number here. Missing where there were none. */
  readonly unseen?: number;
  readonly groups: readonly ReviewGroup[];
}

/** A report, as it is written for people to compare with the next one. */
export interface ReviewReport {
  readonly generatedAt: string;
  /** When the report was made that it is compared with. */
  readonly since?: string;
  readonly agents: readonly ReviewAgent[];
}

/** One agent's dead letters as they were found. `arrived`: by fingerprint, how many died after the last report. */
export interface ReviewFinding {
  readonly agent: string;
  readonly letters: number;
  readonly unseen: number;
  readonly groups: readonly LetterGroup[];
  readonly arrived: ReadonlyMap<string, number>;
}

/** The report on what was found at `now`, compared with the last one, if there is one. */
export function reviewReport(findings: readonly ReviewFinding[], now: number, last: ReviewReport | undefined): ReviewReport {
  return {
    generatedAt: new Date(now).toISOString(),
    ...(last === undefined ? {} : { since: last.generatedAt }),
    agents: findings.map((finding) => ({
      agent: finding.agent,
      deadLetters: finding.letters,
      ...(finding.unseen === 0 ? {} : { unseen: finding.unseen }),
      groups: last === undefined ? finding.groups.map(plainGroup) : comparedGroups(finding, last),
    })),
  };
}

function comparedGroups({ agent, groups, arrived }: ReviewFinding, last: ReviewReport): readonly ReviewGroup[] {
  const before = new Map(
    last.agents
      .find((other) => other.agent === agent)
      ?.groups.flatMap((group) => (group.count > 0 ? [[group.fingerprint, group] as const] : [])),
  );
  const present = groups.map((group) => {
    const { fingerprint } = group;
    return { ...plainGroup(group), since: changeOf(before.get(fingerprint)?.count ?? 0, arrived.get(fingerprint) ?? 0, group.count) };
  });
  const found = new Set(groups.map(({ fingerprint }) => fingerprint));
  const gone = [...before.values()]
    .filter(({ fingerprint }) => !found.has(fingerprint))
    .map(({ fingerprint, reason, error, count: had }) => ({ fingerprint, reason, error, count: 0, since: changeOf(had, 0, 0) }));
  return [...present, ...gone];
}

function changeOf(had: number, arrived: number, has: number): ReviewChange {
  const gone = Math.max(0, had + arrived - has);
  // Of some nobody knows when they died: those that are more than there were have come.
  return { arrived: Math.max(arrived, has - had), gone, trend: trendOf(had, has) };
}

function trendOf(had: number, has: number): Trend {
  if (had === has) return 'steady';
  if (had === 0) return 'new';
  if (has === 0) return 'gone';
  return has > had ? 'growing' : 'shrinking';
}

function plainGroup({ fingerprint, reason, count: number, firstAt, lastAt, exampleId, error }: LetterGroup): ReviewGroup {
  return {
    fingerprint,
    reason,
    count: number,
    ...(firstAt === undefined ? {} : { oldestAt: new Date(firstAt).toISOString() }),
    ...(lastAt === undefined ? {} : { newestAt: new Date(lastAt).toISOString() }),
    exampleId,
    error,
  };
}

const time: Parse<string> = (value, path) => {
  const written = text(value, path);
  if (Number.isNaN(Date.parse(written))) throw new InputError('InvalidResource', `${path}: must be a time`, { path });
  return written;
};

/** Reads a report that is part of something else. */
export const reviewReportShape: Parse<ReviewReport> = object<ReviewReport>({
  generatedAt: time,
  since: optional(time),
  agents: listOf(
    object<ReviewAgent>({
      agent: name,
      deadLetters: count(0),
      unseen: optional(count(0)),
      groups: listOf(
        object<ReviewGroup>({
          fingerprint: name,
          reason: name,
          count: count(0),
          oldestAt: optional(time),
          newestAt: optional(time),
          exampleId: optional(text),
          error: text,
          since: optional(
            object<ReviewChange>({
              arrived: count(0),
              gone: count(0),
              trend: word<Trend>('new', 'growing', 'steady', 'shrinking', 'gone'),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** Reads a report that was written as JSON. Throws `InputError` (`InvalidResource`) that names `file` and the field. */
export function parseReviewReport(file: string, json: string): ReviewReport {
  try {
    return fromJson(json, reviewReportShape);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.code, `${file}: ${error.message}: it must be what \`eventagent dlq review --format json\` has written`, {
      cause: error,
    });
  }
}
