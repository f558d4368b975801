import type { AgentRef } from '../../api/names.ts';
import type { Found } from '../../dead-letters/reading.ts';
import { shownId } from '../../dead-letters/shown-id.ts';
import { survey, unseenWarning } from '../../dead-letters/survey.ts';
import { CodedError } from '../../lib/errors.ts';
import { visible, visibleJson } from '../../lib/visible.ts';
import { cloudEventAttributes, cloudEventLine } from '../dlq/cloud-event.ts';
import type { BrokerFlags } from '../dlq/flags.ts';
import { surveying, withBroker } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';
import { counted, textTable } from '../text-table.ts';

/** The flags of `eventagent dlq show`. */
export interface DlqShowOptions extends BrokerFlags {
  readonly data: boolean;
  readonly json: boolean;
}

/** There is no such dead letter. */
export class NoSuchLetter extends CodedError<'NoSuchLetter'> {}

/** `eventagent dlq show NAMESPACE/NAME ID`: every dead letter of that id, with its data only where that is asked for. Throws `NoSuchLetter`. */
export async function dlqShow(agent: AgentRef, id: string, options: DlqShowOptions, terminal: Terminal): Promise<void> {
  const matching: Found[] = [];
  const seen = await withBroker(options, (connection) =>
    survey(surveying(connection), agent, options.prefix, (found) => {
      if (shownId(found.letter, found.delivery) === id) matching.push(found);
    }),
  );
  for (const line of unseenWarning(seen)) terminal.err(line);
  if (matching.length === 0)
    throw new NoSuchLetter(
      'NoSuchLetter',
      `${agent.namespace}/${agent.name} has no dead letter with the id ${visibleJson(id)} among ${counted(seen.letters, 'dead letter')}`,
    );
  for (const [index, found] of matching.entries()) {
    if (index > 0 && !options.json) terminal.out('');
    for (const line of linesOf(found, options)) terminal.out(line);
  }
}

function linesOf({ letter, delivery }: Found, { data, json }: DlqShowOptions): readonly string[] {
  const attributes = cloudEventAttributes(letter, delivery);
  if (json) return [data ? cloudEventLine(letter, delivery) : visibleJson(attributes)];
  const table = textTable([
    ...Object.entries(attributes).map(([name, value]) => [name, String(value)]),
    ['bytes', String(delivery.body.length)],
  ]);
  return data ? [...table, 'data', ...dataLines(delivery.body)] : table;
}

/** The body as text, whatever it is; what a terminal would obey is shown as an escape. */
function dataLines(body: Buffer): readonly string[] {
  const text = body.toString('utf8').replace(/\r?\n$/, '');
  return text.split(/\r?\n/).map((line) => `  ${visible(line)}`);
}
