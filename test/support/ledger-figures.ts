import { appendFileSync, readFileSync } from 'node:fs';
import { table } from '../repo/markdown-table.ts';

/** What was thrown at EventAgent in one scenario, and what came of it. All but the names are counts. */
export interface Figures {
  readonly scenario: string;
  /** Of the parts that it ran on. */
  readonly on: string;
  /** Events, however often each was sent. */
  readonly sent: number;
  /** Events that were answered 202. */
  readonly accepted: number;
  /** Events whose every output had its effect. */
  readonly done: number;
  readonly dead: number;
  /** By a rule of the agent's: a filter, the time to live. */
  readonly discarded: number;
  /** Accepted, and neither done nor dead nor discarded. */
  readonly lost: number;
  /** Effects beyond the first of an output of an event. */
  readonly doubled: number;
  /** Requests that reached the sink for an effect that it had had already, which it knew by their key. */
  readonly replayed: number;
  /** Calls of the model that cost something, beyond the first of an event. */
  readonly boughtAgain: number;
}

/** The books of one scenario, as they are closed. Outputs are named by their paths at the sink. */
export interface Books {
  readonly scenario: string;
  readonly on: string;
  readonly sent: ReadonlySet<string>;
  readonly accepted: ReadonlySet<string>;
  readonly outputs: readonly string[];
  /** Each effect, by the output and the event. */
  readonly effects: readonly { readonly output: string; readonly event: string }[];
  /** Requests for an effect that its output had had already. */
  readonly replayed: number;
  readonly dead: ReadonlySet<string>;
  readonly discarded: ReadonlySet<string>;
  /** The event of each call that cost something. */
  readonly bought: readonly string[];
}

/** Adds the books up. Pure. */
export function figuresOf(books: Books): Figures & { readonly lostEvents: readonly string[]; readonly doubledEffects: readonly string[] } {
  const { scenario, on, sent, accepted, outputs, effects, replayed, dead, discarded, bought } = books;
  const had = new Set<string>();
  const doubledEffects: string[] = [];
  for (const { output, event } of effects) {
    const name = `${output} ${event}`;
    if (had.has(name)) doubledEffects.push(name);
    had.add(name);
  }
  const done = [...sent].filter((event) => outputs.every((output) => had.has(`${output} ${event}`)));
  const ended = new Set([...done, ...dead, ...discarded]);
  const lostEvents = [...accepted].filter((event) => !ended.has(event));
  return {
    scenario,
    on,
    sent: sent.size,
    accepted: accepted.size,
    done: done.length,
    dead: dead.size,
    discarded: discarded.size,
    lost: lostEvents.length,
    doubled: doubledEffects.length,
    replayed,
    boughtAgain: bought.length - new Set(bought).size,
    lostEvents,
    doubledEffects,
  };
}

/** Appends figures to the file that `EVENTAGENT_LEDGER` names, if it does, as a line of JSON. */
export function fileFigures(figures: Figures): void {
  const file = process.env.EVENTAGENT_LEDGER;
  if (file) appendFileSync(file, `${JSON.stringify(figures)}\n`);
}

/** Figures as a table of Markdown. */
export function figuresTable(figures: readonly Figures[]): string {
  const head = ['scenario', 'on', 'events', 'accepted', 'done', 'dead', 'discarded', 'lost', 'doubled', 'replayed', 'bought again'];
  const rows = figures.map(({ scenario, on, sent, accepted, done, dead, discarded, lost, doubled, replayed, boughtAgain }) => [
    scenario,
    on,
    ...[sent, accepted, done, dead, discarded, lost, doubled, replayed, boughtAgain].map(String),
  ]);
  return table(head, rows);
}

/** As a process of its own: prints the table of a file of figures, the latest of each scenario and parts. */
if (import.meta.main) {
  const lines = readFileSync(process.argv[2] ?? '', 'utf8')
    .trim()
    .split('\n');
  const all = lines.map((line) => JSON.parse(line) as Figures);
  const latest = new Map(all.map((figures) => [`${figures.scenario} ${figures.on}`, figures]));
  process.stdout.write(`${figuresTable([...latest.values()])}\n`);
}
