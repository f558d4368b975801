import type { AgentRef } from '../../api/names.ts';
import { usdText } from '../../api/prices.ts';
import { type Receipt, type ReceiptTotals, totalsOf } from '../../api/receipt.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { CodedError } from '../../lib/errors.ts';
import { visibleJson } from '../../lib/visible.ts';
import { type StoreFlags, withStore } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';
import { instant, textTable } from '../text-table.ts';

/** The flags of `eventagent events ls`. */
export interface ListOptions extends StoreFlags {
  readonly outcome?: Receipt['outcome'];
  /** Milliseconds. */
  readonly since?: number;
  readonly limit: number;
  readonly json: boolean;
}

/** There is no receipt of that event. */
export class NoReceipt extends CodedError<'NoReceipt'> {}

/** `eventagent events ls NAMESPACE/AGENT`: the receipts of an agent's events, the newest first, and what all of them come to. Throws as `withStore`. */
export async function listEvents(agent: AgentRef, options: ListOptions, terminal: Terminal): Promise<void> {
  const { since, outcome, limit, json } = options;
  const from = since === undefined ? 0 : clock.now() - since;
  const all = await withStore(agent, options, (store) => store.receipts(agent, from));
  const wanted = outcome === undefined ? all : all.filter((receipt) => receipt.outcome === outcome);
  const shown = wanted.slice(0, limit);
  if (json) {
    for (const receipt of shown) terminal.out(visibleJson(forScripts(receipt)));
    return;
  }
  if (wanted.length === 0) {
    terminal.out(
      `no receipts of ${agent.namespace}/${agent.name}: no event of it has ended in this time, what was known of them has expired, or this store knows no such agent: check its name, and the address of the store`,
    );
    return;
  }
  for (const line of textTable([HEADINGS, ...shown.map(cells)])) terminal.out(line);
  if (shown.length < wanted.length) terminal.out(`… ${wanted.length - shown.length} older ones: --limit shows more`);
  terminal.out(totalsLine(totalsOf(wanted)));
}

/** `eventagent events show NAMESPACE/AGENT ID`: the receipt of one event, or of each that has this id. Throws as `withStore`, and `NoReceipt`. */
export async function showEvent(
  agent: AgentRef,
  id: string,
  options: StoreFlags & { readonly json: boolean },
  terminal: Terminal,
): Promise<void> {
  const all = await withStore(agent, options, (store) => store.receipts(agent, 0));
  const found = all.filter((receipt) => receipt.id === id);
  if (found.length === 0) {
    throw new NoReceipt(
      'NoReceipt',
      `there is no receipt of event ${visibleJson(id)} of ${agent.namespace}/${agent.name}: it has not ended, it was filtered or stale when it first came, or its receipt has expired`,
    );
  }
  for (const [index, receipt] of found.entries()) {
    if (options.json) {
      terminal.out(visibleJson(forScripts(receipt)));
      continue;
    }
    if (index > 0) terminal.out('');
    for (const line of textTable(details(receipt))) terminal.out(line);
  }
}

/** Times as people and databases read them; money stays as it is, exact. */
function forScripts(receipt: Receipt): Readonly<Record<string, unknown>> {
  return { ...receipt, startedAt: new Date(receipt.startedAt).toISOString(), endedAt: new Date(receipt.endedAt).toISOString() };
}

const HEADINGS = ['ENDED', 'OUTCOME', 'REASON', 'ATTEMPTS', 'TURNS', 'TOKENS', 'COST', 'TYPE', 'ID'];

function cells(receipt: Receipt): readonly string[] {
  const { endedAt, outcome, reason = '', attempts, turns, inputTokens, outputTokens, type, id } = receipt;
  return [
    instant(endedAt),
    outcome,
    reason,
    String(attempts),
    String(turns),
    String(inputTokens + outputTokens),
    costOf(receipt),
    type,
    id,
  ];
}

function details(receipt: Receipt): readonly (readonly string[])[] {
  const { id, type, outcome, reason, attempts, redrives, freshStarts, turns, inputTokens, outputTokens, startedAt, endedAt } = receipt;
  return [
    ['id', id],
    ['type', type],
    ['outcome', reason === undefined ? outcome : `${outcome} (${reason})`],
    ['attempts', String(attempts)],
    ['redrives', String(redrives)],
    ['fresh starts', freshStarts === 0 ? '0' : `${freshStarts} (prompt or model changed, and what had been bought was not used)`],
    ['turns', String(turns)],
    ['tokens', `${inputTokens} in, ${outputTokens} out`],
    ['cost', costOf(receipt)],
    ['started', new Date(startedAt).toISOString()],
    ['ended', new Date(endedAt).toISOString()],
    ['took', `${((endedAt - startedAt) / 1000).toFixed(1)} s`],
  ];
}

/** `≤` where an upper bound is in it. */
function costOf({ costNanoUsd, estimated }: Pick<Receipt, 'costNanoUsd' | 'estimated'>): string {
  return costNanoUsd === 'unknown' ? 'unknown' : `${estimated ? '≤' : ''}${usdText(costNanoUsd)}`;
}

function totalsLine({ events, byOutcome, turns, inputTokens, outputTokens, unknownCosts, ...spent }: ReceiptTotals): string {
  const outcomes = Object.entries(byOutcome).map(([outcome, count]) => `${count} ${outcome}`);
  const unknown = unknownCosts === 0 ? '' : `, and what ${unknownCosts} of unknown cost come to`;
  return `${events} in all: ${outcomes.join(', ')}; ${turns} turns, ${inputTokens} tokens in, ${outputTokens} out, ${costOf(spent)}${unknown}`;
}
