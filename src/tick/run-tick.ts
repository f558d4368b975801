import { type EventRecord, expiredRecord } from '../api/record.ts';
import { REVIEW_FIELD, type TickConfiguration } from '../api/tick-configuration.ts';
import type { TickOutcome } from '../api/tick-outcomes.ts';
import type { Publication, PublishOutcome } from '../broker/port.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { LastTick, Store } from '../store/port.ts';
import { askingStore, type Patience, publishing } from './patience.ts';
import { type ReviewPorts, reviewFor, reviewPublished } from './review.ts';
import { TICK_EVENT_TYPE, type Tick, type TickJob, tickKey, tickOf, tickPublication } from './tick-event.ts';

/** Everything that a tick touches of the world. */
export interface TickPorts {
  /** Publishes once, mandatory. Rejects with `BrokerError`, also where no confirm comes in time: the event may be stored then. */
  readonly publish: (publication: Publication, signal: AbortSignal) => Promise<PublishOutcome>;
  readonly store: Pick<Store, 'read' | 'replace' | 'lastTick' | 'replaceLastTick'>;
  readonly clock: Clock;
  readonly log: Log;
  /** What the event of a schedule with a review tells, made once an event; and that it has gone out. Only needed where the configuration asks for one. */
  readonly review?: ReviewPorts;
  /** A name that no other taker has or had: random. */
  readonly newFence: () => string;
  /** From 0 to 1, evenly: keeps ticks from asking the store all at once. */
  readonly random: () => number;
}

/** How a tick ended: the exit code of its process, and what the status of the schedule says. */
export interface TickEnd {
  readonly outcome: TickOutcome;
  /** Why, where the outcome does not say; else empty. */
  readonly reason: string;
  readonly eventId: string;
  /** Milliseconds since the epoch. */
  readonly slot?: number;
  readonly finishedAt: number;
}

/** How often the store is asked whether the run has ended: at random around this. */
const POLL_MS = 1_000;

/**
 * One run of a schedule, from its event to its end: publishes the event, unless the run before has not ended, and waits until the record of the event is final. May be repeated
 * for the same Job after it was cut anywhere: the event has the same id, and the record makes it one run.
 * Rejects with `Termination` where broker or store are away for too long, with the signal's reason as soon as that is aborted, and with `InputError` for a configuration that
 * makes no sense.
 */
export async function runTick(configuration: TickConfiguration, job: TickJob, ports: TickPorts, signal: AbortSignal): Promise<TickEnd> {
  const { clock, store, log } = ports;
  const tick = tickOf(configuration, job, clock.now());
  const patience: Patience = { clock, log, signal };
  const about = { eventId: tick.eventId, ...(tick.slot === undefined ? {} : { slot: new Date(tick.slot).toISOString() }) };

  let wasPublished = false;
  let { stored, now } = await askingStore(patience, () => store.read(tick.key));
  if (stored === undefined && !isOver(tick, now)) {
    const busy = await unfinishedBefore(tick, ports, patience);
    if (busy !== undefined) {
      log.warn('the run before has not ended, so that none is begun', { ...about, before: busy });
      return endOf(tick, { outcome: 'skipped', reason: 'PreviousRunUnfinished', endedAt: clock.now() });
    }
    const extra = await reviewOf(tick, ports, patience);
    const published = await publishing(
      patience,
      () => ports.publish(tickPublication(tick, clock.now(), extra), signal),
      () => isOver(tick, clock.now()),
    );
    if (published) log.info('event published', about);
    wasPublished = published;
  } else if (stored !== undefined) log.info('the event was published before; its run is waited for', about);
  if (configuration.review !== undefined && ports.review !== undefined && (stored !== undefined || wasPublished))
    await reviewPublished(configuration, tick.eventId, ports.review.store, patience);
  for (;;) {
    ({ stored, now } = await askingStore(patience, () => store.read(tick.key)));
    const record = stored?.record ?? (isOver(tick, now) ? await expire(configuration, tick.eventId, ports, patience) : undefined);
    const result = record === undefined ? undefined : resultOf(record, now);
    if (result !== undefined) return endOf(tick, result);
    await sleep(clock, POLL_MS * (0.75 + ports.random() / 2), signal);
  }
}

/** What is added to the data of a tick's event. */
async function reviewOf(
  { configuration, eventId }: Tick,
  { review }: TickPorts,
  patience: Patience,
): Promise<Readonly<Record<string, unknown>>> {
  if (configuration.review === undefined) return {};
  if (review === undefined) throw new Error('a schedule with a review needs a broker to look at');
  return { [REVIEW_FIELD]: await reviewFor(configuration, configuration.review.agents, eventId, review, patience) };
}

/** Whether the time is over in which the event of a tick may be begun. */
function isOver({ expiresAt }: Pick<Tick, 'expiresAt'>, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}

interface Result {
  readonly outcome: TickOutcome;
  readonly reason: string;
  readonly endedAt: number;
}

/** What a record says of the end of its event; `undefined` while that has not come. */
function resultOf({ phase, result }: EventRecord, now: number): Result | undefined {
  if (phase !== 'done' && phase !== 'dead') return undefined;
  if (result === undefined) return { outcome: phase, reason: '', endedAt: now };
  return { outcome: result.outcome, reason: result.outcome === 'dead' ? result.reason : '', endedAt: result.endedAt };
}

function endOf({ eventId, slot }: Tick, { outcome, reason, endedAt }: Result): TickEnd {
  return { outcome, reason, eventId, ...(slot === undefined ? {} : { slot }), finishedAt: endedAt };
}

/**
 * Records that an event was not taken in time, unless somebody takes it at this moment; gives the record that there is then. What the broker still holds of the event is dropped
 * by the runner, as a duplicate.
 */
async function expire(
  configuration: TickConfiguration,
  eventId: string,
  ports: TickPorts,
  patience: Patience,
): Promise<EventRecord | undefined> {
  const key = tickKey(configuration, eventId);
  const record = expiredRecord({ id: eventId, type: TICK_EVENT_TYPE }, ports.newFence(), ports.clock.now());
  const result = await askingStore(patience, () =>
    ports.store.replace(key, 0, { record, leaseMs: 0, expireMs: configuration.retentionMs }),
  );
  return result.written ? record : result.stored?.record;
}

/**
 * The event of the run before, if that has not ended; else this tick is the schedule's last one from now on. A run that somebody started by hand comes after none, and before none.
 */
async function unfinishedBefore(tick: Tick, ports: TickPorts, patience: Patience): Promise<string | undefined> {
  const { store } = ports;
  const { agent, schedule } = tick.configuration;
  const { eventId, expiresAt } = tick;
  if (expiresAt === undefined) return undefined;
  for (;;) {
    const last = await askingStore(patience, () => store.lastTick(agent, schedule.uid));
    if (last !== undefined && last.eventId !== eventId && !(await hasEnded(last, tick, ports, patience))) return last.eventId;
    const { written } = await askingStore(patience, () =>
      store.replaceLastTick(agent, schedule.uid, last?.eventId, { eventId, expiresAt }),
    );
    if (written) return undefined;
  }
}

/** Whether the run of an earlier tick is over. One that was not begun, and whose time is over, is recorded as expired: it may still lie in the queue. */
async function hasEnded(last: LastTick, tick: Tick, ports: TickPorts, patience: Patience): Promise<boolean> {
  const { configuration, slot = 0 } = tick;
  const key = tickKey(configuration, last.eventId);
  const { stored, now } = await askingStore(patience, () => ports.store.read(key));
  // By the clock of the CronJob the next slot has come, even if the store's clock is a little behind.
  const over = isOver(last, Math.max(now, slot));
  const record = stored?.record ?? (over ? await expire(configuration, last.eventId, ports, patience) : undefined);
  return record !== undefined && resultOf(record, now) !== undefined;
}
