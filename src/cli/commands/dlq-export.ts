import type { AgentRef } from '../../api/names.ts';
import { isMeant } from '../../dead-letters/filter.ts';
import { survey, unseenWarning } from '../../dead-letters/survey.ts';
import { systemClock } from '../../lib/clock.ts';
import { cloudEventLine } from '../dlq/cloud-event.ts';
import { type BrokerFlags, type FilterFlags, filterOf } from '../dlq/flags.ts';
import { surveying, withBroker } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';
import { counted } from '../text-table.ts';

/** The flags of `eventagent dlq export`. */
export interface DlqExportOptions extends BrokerFlags, FilterFlags {}

/**
 * `eventagent dlq export NAMESPACE/NAME`: each dead letter as a CloudEvent in structured mode, one a line, oldest first, in step with whoever reads them. They stay where they
 * are. `write` resolves when the line is taken; it rejects where nobody takes any more.
 */
export async function dlqExport(
  agent: AgentRef,
  options: DlqExportOptions,
  terminal: Terminal,
  write: (line: string) => Promise<void>,
): Promise<void> {
  const now = systemClock.now();
  const filter = filterOf(options);
  let written = 0;
  const seen = await withBroker(options, (connection) =>
    survey(surveying(connection), agent, options.prefix, async ({ letter, delivery }) => {
      if (!isMeant(letter, filter, now)) return;
      await write(cloudEventLine(letter, delivery));
      written += 1;
    }),
  );
  for (const line of unseenWarning(seen)) terminal.err(line);
  terminal.err(`${agent.namespace}/${agent.name}: ${written} of ${counted(seen.letters, 'dead letter')} exported`);
}
