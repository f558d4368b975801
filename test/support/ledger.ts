import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { manage, type Vhost } from '../parts/vhost.ts';
import type { ClaudeStub } from './claude-stub.ts';
import { eventually } from './eventually.ts';
import { deliver } from './github-sender.ts';
import type { HttpSink } from './http-sink.ts';
import { type Books, type Figures, figuresOf, fileFigures } from './ledger-figures.ts';
import type { QueuedMessage } from './real-stage.ts';

/** Where a ledger looks when it is closed. */
export interface LedgerParts {
  readonly vhost: Vhost;
  readonly stub: ClaudeStub;
  readonly sink: HttpSink;
  look(queue: string): Promise<readonly QueuedMessage[]>;
}

/** How a ledger is to be closed. */
export interface Closing {
  readonly scenario: string;
  readonly on: string;
  /** The most calls that may have been bought again: those that ended without a checkpoint. Default 0. */
  readonly mostBoughtAgain?: number;
  /** The most effects of one output of one event beyond the first; for a sink that ignores the key. Default 0. */
  readonly mostDoubled?: number;
  readonly outputs?: readonly string[];
  readonly dead?: readonly string[];
  /** Events that a rule of the agent's discarded. */
  readonly discarded?: readonly string[];
  readonly timeoutMs?: number;
}

/** What a sender has sent and what it was answered; closed, what came of it. Several may look at the same parts, each at its own events. */
export interface Ledger {
  /** Sends an event to the reviewing agent once. The status; 0 where nobody answered. */
  send(gatewayUrl: string, event: string): Promise<number>;
  /** Sends an event until it is accepted, as a sender that repeats does, to whoever is named at the time. How often it had to be sent. */
  sendSurely(gatewayUrl: () => string, event: string): Promise<number>;
  /** Takes an event into the books that was handed over in another way. */
  accept(event: string): void;
  accepted(): ReadonlySet<string>;
  /** How often each status was answered. */
  codes(): Readonly<Record<number, number>>;
  /**
   * Waits until every accepted event has its end and no copy of any is left in a queue, and holds what came of it to what was promised: nothing lost, no effect twice, no call
   * bought again beyond what is allowed, the dead letters those that are named. Files the figures.
   */
  close(t: { diagnostic(text: string): void }, closing: Closing): Promise<Figures>;
}

const QUEUE = 'ea.test.reviewer';

/** How long a sender waits before it repeats. */
const REPEAT_MS = 250;

/** A sender that gives up has lost nothing, but a test that waits for ever says nothing. */
const MOST_SENDS = 600;

/** A ledger for the reviewing agent, with nothing sent yet. */
export function createLedger({ vhost, stub, sink, look }: LedgerParts): Ledger {
  const sent = new Set<string>();
  const accepted = new Set<string>();
  const codes: Record<number, number> = {};

  const send = async (gatewayUrl: string, event: string) => {
    sent.add(event);
    const code = await deliver(gatewayUrl, event);
    codes[code] = (codes[code] ?? 0) + 1;
    if (code === 202) accepted.add(event);
    return code;
  };

  const booksOf = async ({ scenario, on, outputs = ['/sink'], discarded = [] }: Closing): Promise<Books> => {
    const isOurs = (event: string) => sent.has(event);
    const letters = (await look(`${QUEUE}.dead`)).map(({ properties }) => properties.message_id ?? '');
    return {
      scenario,
      on,
      sent,
      accepted,
      outputs,
      effects: sink
        .effects()
        .map(({ path, body }) => ({ output: path, event: eventOf(body) }))
        .filter(({ event }) => isOurs(event)),
      replayed: replaysAt(sink, isOurs),
      dead: new Set(letters.filter(isOurs)),
      discarded: new Set(discarded),
      bought: stub.ledger().flatMap(({ billed, marker = '' }) => (billed.input + billed.output > 0 && isOurs(marker) ? [marker] : [])),
    };
  };

  return {
    send,
    accept(event) {
      sent.add(event);
      accepted.add(event);
    },
    accepted: () => accepted,
    codes: () => codes,
    async sendSurely(gatewayUrl, event) {
      for (let sends = 1; ; sends += 1) {
        if ((await send(gatewayUrl(), event)) === 202) return sends;
        if (sends >= MOST_SENDS) throw new Error(`${event} was never accepted: ${JSON.stringify(codes)}`);
        await delay(REPEAT_MS);
      }
    },
    async close(t, closing) {
      const { timeoutMs = 120_000, mostBoughtAgain = 0, mostDoubled = 0, dead = [] } = closing;
      const isOver = async () => (await copiesLeft(vhost)) === 0 && figuresOf(await booksOf(closing)).lost === 0;
      // The management API counts late: twice nothing, with a count in between.
      const over = eventually(
        'every event has its end, and no copy is left',
        async () => (await isOver()) && (await delay(1_000, true)) && (await isOver()),
        timeoutMs,
      );
      // What is missing is said below, by name.
      await over.catch(() => undefined);
      const books = await booksOf(closing);
      const { lostEvents, doubledEffects, ...figures } = figuresOf(books);
      t.diagnostic(JSON.stringify(figures));
      assert.deepEqual(lostEvents, [], 'accepted, and lost');
      await over;
      assert.ok(doubledEffects.length <= mostDoubled, `effects that were had twice: ${doubledEffects.join(', ')}`);
      assert.deepEqual(books.dead, new Set(dead), 'the dead letters');
      assert.deepEqual(sink.conflicts(), [], 'a repeated request is the same request');
      assert.ok(figures.boughtAgain <= mostBoughtAgain, `${figures.boughtAgain} calls were bought again, of at most ${mostBoughtAgain}`);
      fileFigures(figures);
      return figures;
    },
  };
}

/** Messages of the agent, in whatever hands, in all its queues but that of dead letters. */
async function copiesLeft(vhost: Vhost): Promise<number> {
  const queues = (await manage(vhost, 'GET', `/api/queues/${vhost.vhost}`)) as readonly {
    readonly name: string;
    readonly messages?: number;
  }[];
  // A queue without a count has not been counted yet.
  return queues.filter(({ name }) => !name.endsWith('.dead')).reduce((sum, { messages = 1 }) => sum + messages, 0);
}

function eventOf(body: string): string {
  return (JSON.parse(body) as { readonly event: string }).event;
}

/** Requests whose key had had its effect when they came. */
function replaysAt(sink: HttpSink, isOurs: (event: string) => boolean): number {
  const effects = new Map(sink.effects().map((effect) => [effect.key, effect]));
  const had = new Set<string>();
  let replays = 0;
  for (const { key, at, body } of sink.requests()) {
    if (key === undefined || body === '' || !isOurs(eventOf(body))) continue;
    if (had.has(key)) replays += 1;
    else if (effects.get(key)?.at === at) had.add(key);
  }
  return replays;
}
