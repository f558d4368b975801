import { readFileSync } from 'node:fs';
import { deadSince } from '../../api/dead-letter.ts';
import type { AgentRef } from '../../api/names.ts';
import { Grouping } from '../../dead-letters/groups.ts';
import { systemClock } from '../../lib/clock.ts';
import { InputError, messageOf } from '../../lib/errors.ts';
import type { BrokerFlags } from '../dlq/flags.ts';
import { type ReviewFormat, reviewLines } from '../dlq/review-pages.ts';
import { parseReviewReport, type ReviewFinding, type ReviewReport, reviewReport } from '../dlq/review-report.ts';
import { survey, unseenWarning } from '../dlq/survey.ts';
import { withBroker } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';

/** The flags of `eventagent dlq review`. */
export interface DlqReviewOptions extends BrokerFlags {
  readonly format: ReviewFormat;
  /** A file with the JSON of the last report. */
  readonly sinceReport?: string;
}

/** `eventagent dlq review NAMESPACE/NAME…`: a report on the dead letters of agents by cause, compared with the last one. Throws `InputError` for a report that is none. */
export async function dlqReview(agents: readonly AgentRef[], options: DlqReviewOptions, terminal: Terminal): Promise<void> {
  const last = options.sinceReport === undefined ? undefined : readReport(options.sinceReport);
  const now = systemClock.now();
  const since = last === undefined ? Number.POSITIVE_INFINITY : Date.parse(last.generatedAt);
  const findings = await withBroker(options, async (connection) => {
    const found: ReviewFinding[] = [];
    for (const agent of agents) {
      const grouping = new Grouping();
      const arrived = new Map<string, number>();
      const seen = await survey(connection, agent, options.prefix, ({ letter }) => {
        grouping.add(letter);
        if ((deadSince(letter) ?? 0) > since) arrived.set(letter.fingerprint, (arrived.get(letter.fingerprint) ?? 0) + 1);
      });
      const name = `${agent.namespace}/${agent.name}`;
      for (const line of unseenWarning(seen)) terminal.err(`${name}: ${line}`);
      found.push({ agent: name, letters: seen.letters, groups: grouping.groups(), arrived });
    }
    return found;
  });
  for (const line of reviewLines(reviewReport(findings, now, last), options.format)) terminal.out(line);
}

function readReport(file: string): ReviewReport {
  let json: string;
  try {
    json = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InputError('FileUnreadable', `--since-report: ${messageOf(cause)}`, { cause });
  }
  return parseReviewReport(file, json);
}
