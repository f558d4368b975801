import type { Budget } from '../../api/configuration.ts';
import { type AgentRef, WAIT_MS } from '../../api/names.ts';
import { usdText } from '../../api/prices.ts';
import { type TokenUsage, tokensIn } from '../../api/tokens.ts';
import { usageBound } from '../../model/anthropic-request.ts';
import { ModelError, type ModelRequest, type TokenCounter } from '../../model/port.ts';
import { type TimeZone, timeZone } from '../../schedule/time-zone.ts';
import { persistently } from '../claim.ts';
import type { GateParts } from '../gate-parts.ts';
import { LastingPause } from '../lasting-pause.ts';
import type { Outcome } from '../outcome.ts';
import { SharedCell } from '../shared-cell.ts';
import { type Purchase, purchaseOf } from '../spending.ts';
import {
  type Amount,
  bookedIn,
  type Closed,
  closedBy,
  EMPTY_LEDGER,
  type Granting,
  type Ledger,
  type Limits,
  type Purchasing,
  type Reservation,
  reserve,
  settle,
} from './ledger.ts';
import { type Period, type PeriodName, periodAt } from './period.ts';
import { countedUsage, TokenCounts } from './token-counts.ts';

/** How often the ledger is looked at while nothing is taken, and else: others may have spent, or got money back. */
const LOOK_CLOSED_MS = 10_000;
const LOOK_MS = 15_000;
/** The time in which nothing is taken, or events wait behind others, does not count against events: noted this often, and this far ahead. */
const NOTE_MS = 30_000;
/** What was booked is remembered for longer than the longest period. */
const EXPIRE_MS = 40 * 24 * 3_600_000;

/** Who asks for the money of a call. */
export interface Buyer {
  /** Names the event. */
  readonly event: string;
  readonly fence: string;
  /** What was bought for it since it was published, or redriven, last, as of now; and whether anything ever was. */
  readonly bought: () => { readonly spent: Amount; readonly hasBegun: boolean };
  /** Writes that down, so that the next taker of the event knows of it. Rejects where this one may do no more. */
  readonly record: () => Promise<void>;
  /** The longest that it may wait for the store. */
  readonly hold: AbortSignal;
  /** Told of an earlier call for the event that never came back: it may have been billed. */
  readonly onLost: (purchase: Purchase) => void;
}

/** Money that is kept for one call. */
export interface Reserved {
  /** To be called when the call has ended, with what it used at most. Rejects with the hold signal's reason; what was reserved stays booked then. */
  settle(usage: TokenUsage): Promise<void>;
}

/** Whether there is money could not be said, since the provider failed in counting the tokens of the request. */
export interface Uncounted {
  readonly failed: ModelError;
}

/** What is booked, as people and metrics are told. */
export interface BudgetState {
  readonly booked: Readonly<Record<PeriodName, Amount>>;
  readonly closed: Closed | undefined;
}

/** What a till needs. */
export interface TillParts extends GateParts {
  readonly agent: AgentRef;
  readonly budget: Budget;
  readonly priceOf: (model: string, usage: TokenUsage) => number | undefined;
  /** Its count is asked for where the bytes of a request are too many; missing where it cannot count. */
  readonly counter?: TokenCounter | undefined;
  /** Told of each state that is seen. */
  readonly onState: (state: BudgetState) => void;
}

/**
 * Lets a call be made only if the budget has money for the most that it can cost, over all replicas of the agent; while it has none, the intake is closed.
 * Owned by a runner; `watch` runs until its signal is aborted.
 */
export class Till {
  readonly #parts: TillParts;
  readonly #limits: Limits;
  readonly #zone: TimeZone;
  readonly #cell: SharedCell<Ledger>;
  readonly #counts: TokenCounts | undefined;
  /** Those of the present day. */
  #periods: Readonly<Record<PeriodName, Period>> | undefined;
  #closed: Closed | undefined;
  #closedAt = 0;
  #notedUntil = 0;
  /** While events wait behind others. */
  readonly #behind: LastingPause;

  constructor(parts: TillParts) {
    const { agent, budget, store, clock, log, notePause, counter } = parts;
    this.#parts = parts;
    this.#behind = new LastingPause({ clock, notePause, gapMs: WAIT_MS });
    this.#limits = limitsOf(budget);
    this.#zone = zoneOf(budget);
    this.#counts = counter === undefined ? undefined : new TokenCounts(counter, { clock, log });
    this.#cell = new SharedCell({
      store,
      clock,
      key: { owner: agent, name: 'budget' },
      expireMs: EXPIRE_MS,
      empty: EMPTY_LEDGER,
      onSeen: (ledger, now) => this.#see(ledger, now),
    });
  }

  /** Looks at the ledger again and again, also while nothing is bought here. Never rejects. */
  watch(stop: AbortSignal): Promise<void> {
    return this.#cell.watch(stop, () => {
      this.#notePause();
      return this.#closed === undefined ? LOOK_MS : Math.max(1, Math.min(LOOK_CLOSED_MS, this.#closed.until - this.#cell.now()));
    });
  }

  /**
   * Asks for the money of one call: for the most that its bytes can come to, and only where there is no room for that, for what the provider counts. Where the provider fails in
   * counting, nothing is decided that a count could change: that is as if the call itself had failed so. Rejects with the hold signal's reason while the store is away.
   */
  async reserve(buyer: Buyer, request: ModelRequest): Promise<Reserved | Uncounted | { readonly outcome: Outcome }> {
    const byBytes = usageBound(request);
    if (this.#counts !== undefined) {
      const { granting } = await this.#ask(buyer, request, [byBytes], 'if granted');
      if (granting.answer === 'granted') return this.#reserved(buyer, request);
    }
    const counted = await this.#counts?.of(request, buyer.hold);
    if (counted instanceof ModelError && (await this.#hasRoom(buyer, request, countedUsage(byBytes, 0)))) return { failed: counted };
    const byCount = typeof counted === 'number' ? [countedUsage(byBytes, counted)] : [];
    const { granting, need } = await this.#ask(buyer, request, [byBytes, ...byCount], 'always');
    if (granting.answer !== 'granted') return { outcome: this.#refusal(granting, need, buyer.bought().spent) };
    return this.#reserved(buyer, request);
  }

  /** Whether there is room for a call that can use so much. Changes nothing. */
  #hasRoom(buyer: Buyer, request: ModelRequest, usage: TokenUsage): Promise<boolean> {
    return persistently(this.#parts.clock, buyer.hold, () =>
      this.#cell.change((ledger, now) => {
        const { granting } = reserve(ledger, this.#purchasing(buyer, request, usage), this.#limits, this.#periodsAt(now), now);
        return { result: granting.answer === 'granted' };
      }),
    );
  }

  #purchasing({ event, fence, bought }: Buyer, { model }: ModelRequest, usage: TokenUsage): Purchasing {
    return { event, fence, ...bought(), model, usage, amount: this.#amountOf(model, usage) };
  }

  /** Tries one after the other; the answer to the first that is granted, or else to the last. A refusal changes the ledger only where that is final. */
  async #ask(
    buyer: Buyer,
    request: ModelRequest,
    usages: readonly [TokenUsage, ...TokenUsage[]],
    write: 'always' | 'if granted',
  ): Promise<{ readonly granting: Granting; readonly need: Amount }> {
    // A change may be computed several times.
    const told = new Set<string>();
    for (;;) {
      const answer = await persistently(this.#parts.clock, buyer.hold, () =>
        this.#cell.change<{ readonly granting: Granting; readonly need: Amount } | { readonly lost: Reservation }>((ledger, now) => {
          const [first, ...others] = usages;
          const answerTo = (usage: TokenUsage) => {
            const purchasing = this.#purchasing(buyer, request, usage);
            return { need: purchasing.amount, ...reserve(ledger, purchasing, this.#limits, this.#periodsAt(now), now) };
          };
          let answer = answerTo(first);
          for (const other of others) if (answer.granting.answer !== 'granted') answer = answerTo(other);
          const { granting, need, next, lost } = answer;
          // The ledger forgets it only when the record knows of it. What was seen last may be older than its settlement: only a write shows that it is still open.
          if (lost !== undefined && !told.has(lost.fence)) return { next: ledger, result: { lost } };
          const result = { granting, need };
          if (granting.answer !== 'granted' && write === 'if granted') return { result };
          return { result, ...(next === undefined ? {} : { next }) };
        }),
      );
      if (!('lost' in answer)) return answer;
      told.add(answer.lost.fence);
      this.#tellLost(buyer, answer.lost);
      await buyer.record();
    }
  }

  #tellLost({ onLost }: Buyer, { model, usage }: Reservation): void {
    onLost(purchaseOf(this.#parts.priceOf, model, usage, true));
  }

  #reserved({ event, fence, hold, record }: Buyer, { model }: ModelRequest): Reserved {
    return {
      settle: async (used) => {
        // Until its record knows what an event has cost, the reservation says so.
        if (this.#limits.event !== undefined && tokensIn(used) > 0) await record();
        const actual = this.#amountOf(model, used);
        await persistently(this.#parts.clock, hold, () =>
          this.#cell.change((ledger, now) => {
            const next = settle(ledger, { event, fence }, actual, this.#limits, now);
            return { result: undefined, ...(next === undefined ? {} : { next }) };
          }),
        );
      },
    };
  }

  #see(ledger: Ledger, now: number): void {
    const { clock, intake, log, onState } = this.#parts;
    const closed = closedBy(ledger, this.#limits, now);
    const before = this.#closed;
    this.#closed = closed;
    if (closed !== undefined && before === undefined) {
      this.#closedAt = clock.now();
      this.#notedUntil = 0;
      log.warn('the budget is spent; no events are taken until the period ends, money comes back, or the budget is raised', {
        period: closed.period,
        until: new Date(closed.until).toISOString(),
      });
      intake.limit('budget', 0);
      this.#notePause();
    } else if (closed === undefined && before !== undefined) {
      log.info('the budget has money again; events are taken');
      intake.limit('budget', undefined);
    }
    const { day, month } = this.#periodsAt(now);
    onState({ booked: { day: bookedIn(ledger, 'day', day), month: bookedIn(ledger, 'month', month) }, closed });
  }

  #notePause(): void {
    const now = this.#parts.clock.now();
    if (this.#closed === undefined || this.#notedUntil > now + LOOK_CLOSED_MS) return;
    this.#notedUntil = now + NOTE_MS;
    this.#parts.notePause(this.#closedAt, this.#notedUntil);
  }

  #amountOf(model: string, usage: TokenUsage): Amount {
    return { tokens: tokensIn(usage), nanoUsd: this.#parts.priceOf(model, usage) ?? 0 };
  }

  #periodsAt(now: number): Readonly<Record<PeriodName, Period>> {
    const known = this.#periods;
    if (known !== undefined && now >= known.day.from && now < known.day.until) return known;
    this.#periods = { day: periodAt('day', this.#zone, now), month: periodAt('month', this.#zone, now) };
    return this.#periods;
  }

  #refusal(granting: Exclude<Granting, { answer: 'granted' }>, need: Amount, spent: Amount): Outcome {
    switch (granting.answer) {
      case 'spent':
        return {
          kind: 'permanent',
          reason: 'EventBudgetSpent',
          error: `the next call can cost up to ${amountText(need)}, after ${amountText(spent)} for this event, which is more than budget.perEvent: raise it, or lower maxTokens`,
        };
      case 'exceeds':
        return {
          kind: 'permanent',
          reason: 'ExceedsBudget',
          error: `the call can cost up to ${amountText(need)}, more than the budget of a whole ${granting.period}: raise it, lower maxTokens or shorten the prompt`,
        };
      case 'closed':
        return {
          kind: 'hand-back',
          reason: 'BudgetSpent',
          error: `the budget of the ${granting.closed.period} has no room for a call of up to ${amountText(need)}; the ${granting.closed.period} ends at ${new Date(granting.closed.until).toISOString()}`,
        };
      case 'behind':
        // It comes again within this time, or is behind no more.
        if (this.#behind.leftMs <= WAIT_MS) this.#behind.forMs(NOTE_MS);
        return { kind: 'wait', reason: 'Behind' };
      default:
        return granting satisfies never;
    }
  }
}

/** The limits that a budget sets, by what they are for. */
function limitsOf({ perEvent, perDay, perMonth }: Budget): Limits {
  return {
    ...(perEvent === undefined ? {} : { event: perEvent }),
    ...(perDay === undefined ? {} : { day: perDay }),
    ...(perMonth === undefined ? {} : { month: perMonth }),
  };
}

function zoneOf({ timeZone: name }: Budget): TimeZone {
  const zone = timeZone(name);
  if (zone === undefined) throw new Error(`no time zone ${name} in this runtime`);
  return zone;
}

function amountText({ nanoUsd, tokens }: Amount): string {
  return `${usdText(nanoUsd)} (${tokens} tokens)`;
}
