import { readFileSync } from 'node:fs';
import type { AgentRef } from '../../api/names.ts';
import { findingsOf } from '../../dead-letters/findings.ts';
import { parseReviewReport, type ReviewReport, reviewReport } from '../../dead-letters/review-report.ts';
import { unseenWarning } from '../../dead-letters/survey.ts';
import { systemClock } from '../../lib/clock.ts';
import { InputError, messageOf } from '../../lib/errors.ts';
import type { BrokerFlags } from '../dlq/flags.ts';
import { type ReviewFormat, reviewLines } from '../dlq/review-pages.ts';
import { surveying, withBroker } from '../lent-parts.ts';
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
  const findings = await withBroker(options, (connection) =>
    findingsOf(surveying(connection), agents, options.prefix, last, (name, seen) => {
      for (const line of unseenWarning(seen)) terminal.err(`${name}: ${line}`);
    }),
  );
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
