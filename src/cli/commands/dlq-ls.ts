import { type AgentRef, brokerNames } from '../../api/names.ts';
import { isMeant } from '../../dead-letters/filter.ts';
import { Grouping, type LetterGroup } from '../../dead-letters/groups.ts';
import { type Survey, survey, unseenWarning } from '../../dead-letters/survey.ts';
import { systemClock } from '../../lib/clock.ts';
import { visibleJson } from '../../lib/visible.ts';
import { type BrokerFlags, type FilterFlags, filterOf } from '../dlq/flags.ts';
import { surveying, withBroker } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';
import { counted, cut, cutId, instant, textTable } from '../text-table.ts';

/** The flags of `eventagent dlq ls`. */
export interface DlqLsOptions extends BrokerFlags, FilterFlags {
  readonly json: boolean;
}

/** `eventagent dlq ls NAMESPACE/NAME`: the dead letters of an agent by cause, which stay where they are. */
export async function dlqLs(agent: AgentRef, options: DlqLsOptions, terminal: Terminal): Promise<void> {
  const now = systemClock.now();
  const filter = filterOf(options);
  const grouping = new Grouping();
  let meant = 0;
  const seen = await withBroker(options, (connection) =>
    survey(surveying(connection), agent, options.prefix, ({ letter, delivery }) => {
      if (!isMeant(letter, filter, now)) return;
      meant += 1;
      grouping.add(letter, delivery);
    }),
  );
  for (const line of unseenWarning(seen)) terminal.err(line);
  const groups = grouping.groups();
  if (options.json) terminal.out(visibleJson(listing(agent, options.prefix, seen, meant, groups)));
  else for (const line of lines(agent, seen, meant, groups)) terminal.out(line);
}

function listing({ namespace, name }: AgentRef, prefix: string, seen: Survey, meant: number, groups: readonly LetterGroup[]) {
  const { dead } = brokerNames({ namespace, name }, prefix);
  return { agent: `${namespace}/${name}`, queue: dead, ...seen, meant, groups: groups.map(groupAsJson) };
}

/** A group with its times in ISO 8601. */
export function groupAsJson({ firstAt, lastAt, ...group }: LetterGroup) {
  const iso = (at: number) => new Date(at).toISOString();
  return {
    ...group,
    ...(firstAt === undefined ? {} : { firstAt: iso(firstAt) }),
    ...(lastAt === undefined ? {} : { lastAt: iso(lastAt) }),
  };
}

function lines(
  { namespace, name }: AgentRef,
  { letters, copies }: Survey,
  meant: number,
  groups: readonly LetterGroup[],
): readonly string[] {
  const all = `${counted(letters, 'dead letter')}${copies === 0 ? '' : ` (and ${counted(copies, 'further copy', 'further copies')})`}`;
  const head = `${namespace}/${name}: ${meant === letters ? all : `${meant} of ${all}`}`;
  if (groups.length === 0) return [head];
  const rows = groups.map((group) => [
    group.fingerprint,
    String(group.count),
    group.reason,
    instant(group.firstAt),
    instant(group.lastAt),
    cutId(group.exampleId),
    cut(group.error),
  ]);
  return [head, ...textTable([['FINGERPRINT', 'COUNT', 'REASON', 'FIRST', 'LAST', 'EXAMPLE', 'ERROR'], ...rows])];
}
