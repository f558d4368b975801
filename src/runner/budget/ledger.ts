import type { BudgetLimit } from '../../api/configuration.ts';
import type { TokenUsage } from '../../api/tokens.ts';
import type { Period, PeriodName } from './period.ts';
import { periodNames } from './period.ts';

/** Money and tokens. `nanoUsd` counts 0 for a model without a price: a limit in USD is then refused before anything runs. */
export interface Amount {
  readonly nanoUsd: number;
  readonly tokens: number;
}

/** What is booked for a period: what was spent, what is reserved for calls under way, and what calls may have cost that never came back. */
export type Entry = Amount & Period;

/**
 * What is booked for the period of whoever wrote last. `beside`: what is booked for others, the one before and those of another time zone, as long as the present period of any
 * zone can overlap them: where the zone is changed, nothing is forgotten, and pods with either of them leave each other's bookings alone.
 */
export type Booked = Entry & { readonly beside?: readonly Entry[] };

/** A call that was reserved and not settled yet, by its event. */
export interface Reservation {
  readonly amount: Amount;
  /** What that amount is for: the most that the call can use. */
  readonly usage: TokenUsage;
  readonly model: string;
  /** The taker's fence: a reservation that another taker of the event finds is of a call that never came back. */
  readonly fence: string;
  /** When the periods began that it is booked in. */
  readonly booked: Readonly<Record<PeriodName, number>>;
  /** What was bought for the event before: where its record knows of more, the call came back, and only settling it is missing. */
  readonly spent?: Amount;
  /** When nobody asks for it any more: it stays booked. */
  readonly forgetAt: number;
}

/** An event that was refused although it had begun: what it needs is kept for it. */
export interface Claimant {
  readonly amount: Amount;
  readonly until: number;
}

/** Why nothing is taken, and until when. `limits` are those in force then: with others the question is open again. */
export interface Closed {
  readonly period: PeriodName;
  readonly until: number;
  readonly need: Amount;
  readonly limits: string;
}

/** What an agent has spent in the present periods, over all its replicas. */
export interface Ledger {
  readonly day?: Booked;
  readonly month?: Booked;
  readonly open: Readonly<Record<string, Reservation>>;
  readonly claimants: Readonly<Record<string, Claimant>>;
  readonly closed?: Closed;
}

/** A ledger without an entry. */
export const EMPTY_LEDGER: Ledger = { open: {}, claimants: {} };

/** The limits; a period without one is booked all the same. */
export type Limits = Readonly<Partial<Record<PeriodName | 'event', BudgetLimit>>>;

/** One call that is to be made. */
export interface Purchasing {
  /** Names the event. */
  readonly event: string;
  readonly fence: string;
  /** The most that the call can cost, and for what. */
  readonly amount: Amount;
  readonly usage: TokenUsage;
  readonly model: string;
  /** What was bought for the event since it was published, or redriven, last. */
  readonly spent: Amount;
  /** Something was bought for the event before: it goes before those for which nothing was. */
  readonly hasBegun: boolean;
}

/**
 * What came of asking for money, the first that matches:
 *
 * | the ledger                                                                    | answer                                                            |
 * |-------------------------------------------------------------------------------|-------------------------------------------------------------------|
 * | has the reservation (its write was repeated)                                    | granted                                                           |
 * | what was bought for the event and need are above its limit                      | spent: the event is given up                                      |
 * | the limit of a period is below what the one call needs                          | exceeds: it never fits                                            |
 * | booked and need are above a limit                                               | closed until the period ends, or money comes back; one that had begun is remembered |
 * | booked, need, and what is kept for events that had begun are above a limit       | behind: they go first                                             |
 * | else                                                                            | granted, and booked                                               |
 */
export type Granting =
  | { readonly answer: 'granted' }
  | { readonly answer: 'spent' }
  | { readonly answer: 'exceeds'; readonly period: PeriodName }
  | { readonly answer: 'closed'; readonly closed: Closed }
  | { readonly answer: 'behind' };

const NOTHING: Amount = { nanoUsd: 0, tokens: 0 };
/** How long a reservation is remembered for a taker who asks for it: longer than any delivery is held, and than most pauses. */
const FORGET_MS = 7 * 24 * 3_600_000;
/** So far apart are the clocks of the first and the last time zone: longer after its end no period overlaps the present one of any zone. */
const ZONES_APART_MS = 26 * 3_600_000;
/** How long after the work was taken up again an event that had begun may still be on its way. */
const CLAIM_MS = 10 * 60_000;

/** Asks for the money of one call. `lost`: an earlier call for the event that never came back, and stays booked. Pure. */
export function reserve(
  ledger: Ledger,
  purchasing: Purchasing,
  limits: Limits,
  periods: Readonly<Record<PeriodName, Period>>,
  now: number,
): { readonly next?: Ledger; readonly granting: Granting; readonly lost?: Reservation } {
  const { event, fence, amount, usage, model } = purchasing;
  const current = opened(inPeriods(ledger, periods, now), limits, now);
  const known = current.open[event];
  if (known?.fence === fence) return { granting: { answer: 'granted' } };
  const { [event]: _known, ...open } = current.open;
  const cameBack = known?.spent !== undefined && purchasing.spent.tokens > known.spent.tokens;
  const lost = known === undefined || cameBack ? {} : { lost: known };
  const without = { ...current, ...(known !== undefined && cameBack ? corrected(current, known, sinceThen(purchasing, known)) : {}), open };
  const changed = known === undefined ? {} : { next: without };
  const spent = lost.lost === undefined ? purchasing.spent : plus(purchasing.spent, lost.lost.amount);
  const { [event]: own, ...others } = without.claimants;
  // Nothing is kept any more for an event that is given up.
  const givenUp = own === undefined ? changed : { next: { ...without, claimants: others } };
  if (isAbove(plus(spent, amount), limits.event)) return { ...givenUp, ...lost, granting: { answer: 'spent' } };
  const exceeded = periodNames.find((name) => isAbove(amount, limits[name]));
  if (exceeded !== undefined) return { ...givenUp, ...lost, granting: { answer: 'exceeds', period: exceeded } };
  const hasBegun = purchasing.hasBegun || known !== undefined;
  const full = periodNames.find((name) => isAbove(plus(total(without[name], periods[name]), amount), limits[name]));
  if (full !== undefined) {
    const closed = { period: full, until: periods[full].until, need: amount, limits: limitsText(limits) };
    const claimants = hasBegun ? { ...without.claimants, [event]: { amount, until: closed.until + CLAIM_MS } } : without.claimants;
    return { next: { ...without, closed, claimants }, ...lost, granting: { answer: 'closed', closed } };
  }
  const kept = hasBegun
    ? undefined
    : Object.values(others).reduce<Amount | undefined>((sum, claimant) => plus(sum, claimant.amount), undefined);
  if (
    kept !== undefined &&
    periodNames.some((name) => isAbove(plus(plus(total(without[name], periods[name]), amount), kept), limits[name]))
  )
    return { ...changed, ...lost, granting: { answer: 'behind' } };
  const booked = { day: periods.day.from, month: periods.month.from };
  const { closed: _closed, ...rest } = without;
  return {
    next: {
      ...rest,
      claimants: others,
      open: { ...open, [event]: { amount, usage, model, fence, booked, spent, forgetAt: now + FORGET_MS } },
      ...Object.fromEntries(periodNames.map((name) => [name, { ...without[name], ...periods[name], ...plus(without[name], amount) }])),
    },
    ...lost,
    granting: { answer: 'granted' },
  };
}

/** Settles a reservation with what the call has cost. One that is not there was settled before, or belongs to a later taker: nothing is changed. Pure. */
export function settle(
  ledger: Ledger,
  { event, fence }: Pick<Purchasing, 'event' | 'fence'>,
  actual: Amount,
  limits: Limits,
  now: number,
): Ledger | undefined {
  const reservation = ledger.open[event];
  if (reservation?.fence !== fence) return undefined;
  const { [event]: _settled, ...open } = ledger.open;
  return opened({ ...ledger, ...corrected(ledger, reservation, actual), open }, limits, now);
}

/** What is booked, with what a reserved call has cost in the place of the reservation. */
function corrected(ledger: Ledger, { amount, booked }: Reservation, actual: Amount): Pick<Ledger, PeriodName> {
  const back = { nanoUsd: actual.nanoUsd - amount.nanoUsd, tokens: actual.tokens - amount.tokens };
  const corrections = periodNames.flatMap((name) => {
    const whole = ledger[name];
    if (whole === undefined) return [];
    const right = <One extends Entry>(entry: One): One => (entry.from === booked[name] ? { ...entry, ...plus(entry, back) } : entry);
    return [[name, { ...right(whole), ...(whole.beside === undefined ? {} : { beside: whole.beside.map(right) }) }] as const];
  });
  return Object.fromEntries(corrections);
}

/** What was bought for an event after a reservation was made. A cost that nobody knows counts no money, and takes none off. */
function sinceThen({ spent }: Purchasing, { spent: before }: Reservation): Amount {
  return { nanoUsd: Math.max(0, spent.nanoUsd - (before?.nanoUsd ?? 0)), tokens: spent.tokens - (before?.tokens ?? 0) };
}

/** Why nothing is to be taken now; `undefined` where there is no reason. Pure. */
export function closedBy({ closed }: Ledger, limits: Limits, now: number): Closed | undefined {
  return closed === undefined || closed.until <= now || closed.limits !== limitsText(limits) ? undefined : closed;
}

/** What counts against the limit of a period: what is booked for it, and what is booked for those of other zones that overlap it, which is too much of it rather than too little. Pure. */
export function bookedIn(ledger: Ledger, name: PeriodName, period: Period): Amount {
  return total(ledger[name], period);
}

/** Whether an amount is above a limit. */
export function isAbove({ nanoUsd, tokens }: Amount, limit: BudgetLimit | undefined): boolean {
  return nanoUsd > (limit?.nanoUsd ?? Number.POSITIVE_INFINITY) || tokens > (limit?.tokens ?? Number.POSITIVE_INFINITY);
}

/** A sum. */
export function plus(one: Amount | undefined, other: Amount): Amount {
  return { nanoUsd: (one?.nanoUsd ?? 0) + other.nanoUsd, tokens: (one?.tokens ?? 0) + other.tokens };
}

/** Takes up the work again where the limits are others, or what came back is enough for whoever was refused. From then on those that had begun are waited for, not longer. */
function opened(ledger: Ledger, limits: Limits, now: number): Ledger {
  const { closed, ...rest } = ledger;
  if (closed === undefined) return ledger;
  const isOver = closedBy(ledger, limits, now) === undefined;
  if (!isOver && periodNames.some((name) => isAbove(plus(total(ledger[name]), closed.need), limits[name]))) return ledger;
  const claimants = Object.entries(rest.claimants).map(([event, claimant]) => [event, { ...claimant, until: now + CLAIM_MS }]);
  return { ...rest, claimants: Object.fromEntries(claimants) };
}

/** The ledger of the present periods. */
function inPeriods(ledger: Ledger, periods: Readonly<Record<PeriodName, Period>>, now: number): Ledger {
  const { closed, day, month, open, claimants } = ledger;
  return {
    ...(closed !== undefined && closed.until > now ? { closed } : {}),
    ...(day === undefined ? {} : { day: bookedFor(day, periods.day, now) }),
    ...(month === undefined ? {} : { month: bookedFor(month, periods.month, now) }),
    open: kept(open, ({ forgetAt }) => forgetAt > now),
    claimants: kept(claimants, ({ until }) => until > now),
  };
}

/** The same bookings, seen from a period. */
function bookedFor({ beside: others = [], ...last }: Booked, { from, until }: Period, now: number): Booked {
  const entries: readonly Entry[] = [last, ...others];
  const own = entries.find((entry) => entry.from === from);
  const beside = entries.filter((entry) => entry !== own && entry.until > now - ZONES_APART_MS);
  return { ...NOTHING, ...own, from, until, ...(beside.length === 0 ? {} : { beside }) };
}

/** All that overlaps a period; without one that of the last write. */
function total(booked: Booked | undefined, period: Period | undefined = booked): Amount {
  if (booked === undefined || period === undefined) return NOTHING;
  return [booked, ...(booked.beside ?? [])]
    .filter(({ from, until }) => from < period.until && until > period.from)
    .reduce<Amount>((sum, entry) => plus(sum, entry), NOTHING);
}

function kept<Value>(entries: Readonly<Record<string, Value>>, isKept: (value: Value) => boolean): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => isKept(value)));
}

function limitsText(limits: Limits): string {
  return JSON.stringify(periodNames.map((name) => limits[name] ?? null));
}
