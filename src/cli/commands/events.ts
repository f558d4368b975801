import { usdText } from '../../api/prices.ts';
import { type Receipt, type ReceiptTotals, totalsOf } from '../../api/receipt.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { CodedError } from '../../lib/errors.ts';
import type { Store } from '../../store/port.ts';
import { parseAgentArgument } from '../agent-argument.ts';
import { storeFor } from '../dev/parts.ts';
import { redisNamed } from '../dev/url-flags.ts';
import type { Terminal } from '../terminal.ts';

/** The flags of every command that asks a store. */
export interface StoreFlags {
  readonly redis?: string;
}

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

/** Lends the store that flags or environment name. Throws `InputError` (`Usage`) where they name none; rejects with `StoreError` where it cannot be used. */
export async function withStore<T>(flags: StoreFlags, environment: NodeJS.ProcessEnv, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await storeFor(redisNamed(flags, environment));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** `eventagent events ls NAMESPACE/AGENT`: the receipts of an agent's events, the newest first, and what all of them come to. Throws as `withStore`. */
export async function listEvents(agent: string, options: ListOptions, environment: NodeJS.ProcessEnv, terminal: Terminal): Promise<void> {
  const ref = parseAgentArgument(agent);
  const { since, outcome, limit, json } = options;
  const from = since === undefined ? 0 : clock.now() - since;
  const all = await withStore(options, environment, (store) => store.receipts(ref, from));
  const wanted = outcome === undefined ? all : all.filter((receipt) => receipt.outcome === outcome);
  const shown = wanted.slice(0, limit);
  if (json) {
    for (const receipt of shown) terminal.out(JSON.stringify(forScripts(receipt)));
    return;
  }
  if (wanted.length === 0) {
    terminal.out(`no receipts of ${agent}: no event of it has ended in this time, or what was known of them has expired`);
    return;
  }
  for (const line of aligned([HEADINGS, ...shown.map(cells)])) terminal.out(line);
  if (shown.length < wanted.length) terminal.out(`… ${wanted.length - shown.length} older ones: --limit shows more`);
  terminal.out(totalsLine(totalsOf(wanted)));
}

/** `eventagent events show NAMESPACE/AGENT ID`: the receipt of one event, or of each that has this id. Throws as `withStore`, and `NoReceipt`. */
export async function showEvent(
  agent: string,
  id: string,
  options: StoreFlags & { readonly json: boolean },
  environment: NodeJS.ProcessEnv,
  terminal: Terminal,
): Promise<void> {
  const ref = parseAgentArgument(agent);
  const all = await withStore(options, environment, (store) => store.receipts(ref, 0));
  const found = all.filter((receipt) => receipt.id === id);
  if (found.length === 0) {
    throw new NoReceipt(
      'NoReceipt',
      `there is no receipt of event ${JSON.stringify(id)} of ${agent}: it has not ended, it was filtered or stale when it first came, or its receipt has expired`,
    );
  }
  for (const [index, receipt] of found.entries()) {
    if (options.json) {
      terminal.out(JSON.stringify(forScripts(receipt)));
      continue;
    }
    if (index > 0) terminal.out('');
    for (const line of aligned(details(receipt))) terminal.out(line);
  }
}

/** Times as people and databases read them; money stays as it is, exact. */
function forScripts(receipt: Receipt): Readonly<Record<string, unknown>> {
  return { ...receipt, startedAt: new Date(receipt.startedAt).toISOString(), endedAt: new Date(receipt.endedAt).toISOString() };
}

const HEADINGS = ['ENDED', 'OUTCOME', 'REASON', 'ATTEMPTS', 'TURNS', 'TOKENS', 'COST', 'TYPE', 'ID'];

function cells(receipt: Receipt): readonly string[] {
  const { endedAt, outcome, reason = '', attempts, turns, inputTokens, outputTokens, type, id } = receipt;
  const ended = new Date(endedAt).toISOString().replace(/\.\d+Z$/, 'Z');
  return [
    ended,
    outcome,
    reason,
    String(attempts),
    String(turns),
    String(inputTokens + outputTokens),
    costOf(receipt),
    printable(type),
    printable(id),
  ];
}

function details(receipt: Receipt): readonly (readonly string[])[] {
  const { id, type, outcome, reason, attempts, redrives, freshStarts, turns, inputTokens, outputTokens, startedAt, endedAt } = receipt;
  return [
    ['id', printable(id)],
    ['type', printable(type)],
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

/** What a sender has chosen may hold anything; a terminal obeys control characters. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '\ufffd');
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
