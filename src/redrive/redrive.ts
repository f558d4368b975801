import { type DeadLetter, identityParts, letterIdentity, recordKeyOf, redrivenMessage } from '../api/dead-letter.ts';
import { type AgentRef, type BrokerNames, routingKeys } from '../api/names.ts';
import type { EventRecord } from '../api/record.ts';
import { leftOf, type RedriveCounts, unreadableText } from '../api/redrive-progress.ts';
import { type BrokerConnection, BrokerError, type Channel, type Publication, type PublishOutcome } from '../broker/port.ts';
import { DeadLetterReading, type Found } from '../dead-letters/reading.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { visible } from '../lib/visible.ts';
import { RecordError, type Store } from '../store/port.ts';
import { redriveDecision } from './decision.ts';
import { endsOf, NOTHING_FOLLOWED } from './ends.ts';
import { Following, type FollowRequest } from './following.ts';
import type { Journal, RedriveState } from './journal.ts';
import { RedriveError } from './redrive-error.ts';

/** What is to be redriven, and how fast. */
export interface RedriveRequest {
  readonly agent: AgentRef;
  readonly names: BrokerNames;
  /** Which dead letters are meant, given when the redrive was begun; the others stay. */
  readonly isMeant: (letter: DeadLetter, startedAt: number) => boolean;
  /** Only look: publish nothing, acknowledge nothing. */
  readonly dryRun: boolean;
  /** Publish no more than this many. */
  readonly limit?: number;
  /** From one publication to the next. */
  readonly intervalMs: number;
  /** Looks after what was published until it has ended; without it the redrive ends with the last publication. */
  readonly follow?: FollowRequest;
}

/** What a redrive works with. */
export interface RedrivePorts {
  readonly connection: BrokerConnection;
  readonly store: Pick<Store, 'read'>;
  readonly clock: Clock;
  /** A signal that is aborted when the broker has had its time to give us a channel. */
  readonly connect: () => AbortSignal;
  /** Told after each dead letter, while ends are waited for, and once more at the end of a redrive that has begun, whichever that is. */
  readonly onProgress: (counts: RedriveCounts) => void;
  /** Where it goes on with what another process had begun; without it, it begins. */
  readonly journal?: Journal;
  /** Aborted when it is to stop: nothing further is published. */
  readonly stop?: AbortSignal;
}

/** How long a publish may go without a confirm. */
const CONFIRM_MS = 30_000;

/** Dead letters that are not meant are held for so long at most, well inside the broker's consumer timeout of 30 minutes; then they go back, and are looked at anew. */
const HOLD_MS = 15 * 60_000;

/** A broker notices that a peer has vanished with its host after two heartbeats of 20 s; until then the dead letters that it held are in its hands. */
const PATIENCE_MS = 90_000;
const LOOK_AGAIN_MS = 5_000;

/** So many ids of events stand for all, each cut: the last words of a pod have 4,096 bytes. */
const MOST_EXAMPLES = 3;
const EXAMPLE_CHARACTERS = 64;

/**
 * Runs dead letters again: each is published to the work queue, and acknowledged when the broker has confirmed that. Interrupted anywhere, an event is in one of the two queues or
 * in both; then the next redrive publishes it a second time, and its record makes one of the copies a duplicate. Events that die again meanwhile are left for the next time.
 * Where the record of an event cannot be read, its dead letter stays, and the others are dealt with. With a journal each is counted before it is published, so that `limit` holds over all processes that have part in it. Resolves with what became of the dead letters. Rejects with
 * `BrokerError`, `StoreError`, `DeadLetterError` (`NoQueue`), `RedriveError`, `JournalError`, or the reason of `stop`.
 */
export async function redrive(request: RedriveRequest, ports: RedrivePorts): Promise<RedriveCounts> {
  const { connection, connect, journal } = ports;
  const before = await journal?.read();
  const unfinished = await unfinishedOf(before, request.agent, ports.store);
  const publishing = await connection.openChannel({ prefetch: 1 }, connect());
  const work = new Work(request, ports, publishing, before, unfinished);
  try {
    if (before !== undefined) ports.onProgress(work.counts);
    while (!(await work.pass())) {
      // What is not meant has gone back, and the queue is looked at from its beginning.
    }
    await work.ends();
    const { unreadable } = work.counts;
    if (unreadable === undefined || request.dryRun) return work.counts;
    throw new RedriveError(
      'RecordsUnreadable',
      `${unreadableText(unreadable)}; such dead letters stay, and the others are dealt with: put the record back as it was, from a backup of the store, then redrive again`,
    );
  } finally {
    if (work.hasBegun) ports.onProgress(work.counts);
    await publishing.close();
  }
}

/** What the process before had counted last, unless its event was taken since: then it was published. */
async function unfinishedOf(before: RedriveState | undefined, agent: AgentRef, store: Pick<Store, 'read'>): Promise<string | undefined> {
  const last = before?.last;
  if (last === undefined) return undefined;
  const { gen, key } = identityParts(last);
  const record = await recordIn(store, agent, key);
  return record !== undefined && record !== UNREADABLE && record.gen > gen ? undefined : last;
}

/** What stands in the place of a record that cannot be read. */
const UNREADABLE = Symbol('unreadable');

async function recordIn(
  store: Pick<Store, 'read'>,
  agent: AgentRef,
  event: string | undefined,
): Promise<EventRecord | typeof UNREADABLE | undefined> {
  if (event === undefined) return undefined;
  try {
    return (await store.read({ agent, event })).stored?.record;
  } catch (error) {
    if (error instanceof RecordError) return UNREADABLE;
    throw error;
  }
}

const NOTHING_DONE: RedriveCounts = { depth: 0, redriven: 0, superseded: 0, copies: 0, withOpenIntents: 0 };

/** One redrive: what it has done, over all its looks at the queue. */
class Work {
  readonly #request: RedriveRequest;
  readonly #ports: RedrivePorts;
  readonly #publishing: Channel;
  readonly #startedAt: number;
  /** Missing where nobody looks after what was published. */
  readonly #following: Following | undefined;
  /** Dead letters that were dealt with: what comes of them again is a copy. */
  readonly #dealt = new Set<string>();
  /** Keys of the records that cannot be read. */
  readonly #unreadable = new Set<string>();
  /** Ids of their events, the first few. */
  readonly #examples: string[] = [];
  #counts: RedriveCounts;
  #begun: boolean;
  readonly #isResumed: boolean;
  /** Until when what should be in the queue and is not may yet be in the hands of the process before. */
  readonly #patientUntil: number;
  /** Identity of what the process before had counted last: it may be in the queue still. */
  readonly #counted: string | undefined;
  /** The same where it must be in the queue still, until it is met. */
  #unfinished: string | undefined;
  #last: string | undefined;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(
    request: RedriveRequest,
    ports: RedrivePorts,
    publishing: Channel,
    before: RedriveState | undefined,
    unfinished: string | undefined,
  ) {
    this.#request = request;
    this.#ports = ports;
    this.#publishing = publishing;
    this.#isResumed = before !== undefined;
    this.#begun = this.#isResumed;
    this.#startedAt = before?.startedAt ?? ports.clock.now();
    this.#counts = before?.counts ?? NOTHING_DONE;
    this.#patientUntil = this.#isResumed ? ports.clock.now() + PATIENCE_MS : Number.NEGATIVE_INFINITY;
    this.#counted = before?.last;
    this.#unfinished = unfinished;
    this.#last = before?.last;
    const { follow, agent, dryRun } = request;
    this.#following =
      follow === undefined || dryRun ? undefined : new Following(follow, { ...ports, agent }, before?.follow ?? NOTHING_FOLLOWED);
  }

  /** Whether it has looked at the queue. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  get counts(): RedriveCounts {
    const events = this.#unreadable.size;
    return {
      ...this.#counts,
      ...(events === 0 ? {} : { unreadable: { events, examples: [...this.#examples] } }),
      ...(this.#following === undefined ? {} : { ends: endsOf(this.#following.state) }),
    };
  }

  /** Looks at the queue once. `false`: it is to be looked at again. */
  async pass(): Promise<boolean> {
    const { connection, clock, connect, stop } = this.#ports;
    const { names, dryRun, isMeant } = this.#request;
    await using reading = await DeadLetterReading.open({ connection, names, clock, connect });
    if (!this.#begun) this.#counts = { ...this.#counts, depth: reading.depth };
    this.#begun = true;
    const holdUntil = clock.now() + HOLD_MS;
    // What was there at the start and is there still. It is at the head, since what is given back goes there; what has died since is behind it.
    const left = leftOf(this.#counts);
    let seen = 0;
    for await (const found of reading.messages(this.#isResumed ? reading.depth : left)) {
      stop?.throwIfAborted();
      if (this.#isNew(found.letter)) continue;
      seen += Number(!this.#isCounted(letterIdentity(found.letter)));
      if (!dryRun && clock.now() >= holdUntil) return false;
      if (isMeant(found.letter, this.#startedAt)) {
        const dealt = await this.#deal(found, holdUntil);
        if (dealt !== 'next') return dealt === 'enough';
      }
      this.#ports.onProgress(this.counts);
    }
    if ((seen >= left && this.#unfinished === undefined) || clock.now() >= this.#patientUntil) return true;
    await sleep(clock, LOOK_AGAIN_MS, stop);
    return false;
  }

  /** Whether a dead letter has died since the redrive was begun: in a queue where another process had taken some, their number does not tell. */
  #isNew({ deadAt }: DeadLetter): boolean {
    return this.#isResumed && deadAt !== undefined && deadAt > this.#startedAt;
  }

  /** Whether the process before has counted a dead letter. */
  #isCounted(identity: string | undefined): boolean {
    return identity !== undefined && identity === this.#counted;
  }

  /** Waits until what was published has ended, as far as somebody looks after it. */
  async ends(): Promise<void> {
    const following = this.#following;
    if (following === undefined) return;
    while (await following.waits()) {
      await this.#writeDown();
      this.#ports.onProgress(this.counts);
    }
    await this.#writeDown();
  }

  /** Deals with a dead letter that is meant. `enough`: the limit is reached. `again`: it was held for too long, waiting for others to end. */
  async #deal(found: Found, holdUntil: number): Promise<'next' | 'enough' | 'again'> {
    const { letter } = found;
    const identity = letterIdentity(letter);
    const done = (change: Partial<RedriveCounts>) => {
      if (!this.#request.dryRun) found.acknowledge();
      if (identity !== undefined) this.#dealt.add(identity);
      this.#counts = { ...this.#counts, ...change };
      return 'next' as const;
    };
    const { redriven, superseded, copies, withOpenIntents } = this.#counts;
    if (identity !== undefined && this.#dealt.has(identity)) return done({ copies: copies + 1 });
    const isCounted = this.#isCounted(identity);
    const record = await recordIn(this.#ports.store, this.#request.agent, recordKeyOf(letter));
    if (isCounted) this.#unfinished = undefined;
    if (record === UNREADABLE) {
      this.#leave(letter);
      return 'next';
    }
    const decision = redriveDecision(letter, record);
    if (decision.do === 'drop') return done(isCounted ? {} : { superseded: superseded + 1 });
    const { next, openIntents } = decision;
    // The one that was counted last may yet be in the hands of the process before.
    const mayComeBack = this.#unfinished !== undefined && this.#ports.clock.now() < this.#patientUntil;
    if (redriven === this.#request.limit && !isCounted) return mayComeBack ? 'next' : 'enough';
    const counted = isCounted ? {} : { redriven: redriven + 1, withOpenIntents: withOpenIntents + Number(openIntents > 0) };
    if (this.#request.dryRun) return done(counted);
    if (!(await this.#room(holdUntil))) return 'again';
    await this.#pace();
    this.#counts = { ...this.#counts, ...counted };
    this.#last = identity;
    if (next.key === undefined) this.#following?.beginUnseen();
    else this.#following?.begin({ event: next.key, gen: next.gen });
    await this.#writeDown();
    const message = redrivenMessage(letter, found.delivery, next, this.#ports.clock.now());
    await this.#publish({ ...message, exchange: this.#request.names.exchange, routingKey: routingKeys.work });
    return done({});
  }

  /** Notes a dead letter that stays since the record of its event cannot be read. It comes again where the queue is looked at again. */
  #leave(letter: DeadLetter): void {
    const key = recordKeyOf(letter) ?? '';
    if (this.#unreadable.has(key)) return;
    this.#unreadable.add(key);
    if (this.#examples.length < MOST_EXAMPLES)
      this.#examples.push(visible(letter.envelope.attributes.id ?? key).slice(0, EXAMPLE_CHARACTERS));
  }

  /** Waits until another event may be under way; `false` where that takes longer than a dead letter may be held. */
  async #room(holdUntil: number): Promise<boolean> {
    const following = this.#following;
    if (following === undefined) return true;
    await following.look();
    while (following.isFull()) {
      if (this.#ports.clock.now() >= holdUntil) return false;
      await following.pause();
      await this.#writeDown();
      this.#ports.onProgress(this.counts);
    }
    return true;
  }

  async #writeDown(): Promise<void> {
    const { journal } = this.#ports;
    if (journal === undefined || this.#request.dryRun) return;
    const last = this.#last === undefined ? {} : { last: this.#last };
    const follow = this.#following?.state ?? NOTHING_FOLLOWED;
    await journal.write({ startedAt: this.#startedAt, counts: this.#counts, ...last, follow });
  }

  async #pace(): Promise<void> {
    const { clock, stop } = this.#ports;
    const now = clock.now();
    if (this.#nextAt > now) await sleep(clock, this.#nextAt - now, stop);
    this.#nextAt = Math.max(this.#nextAt, now) + this.#request.intervalMs;
  }

  /** Publishes once. Resolves when the broker has stored it. */
  async #publish(publication: Publication): Promise<void> {
    const { work } = this.#request.names;
    // A queue without a leader, or a broker with an alarm, may never answer. Closed, the channel says that nobody knows.
    const timer = this.#ports.clock.timer(CONFIRM_MS, () => void this.#publishing.close());
    let outcome: PublishOutcome;
    try {
      outcome = await this.#publishing.publish(publication);
    } catch (cause) {
      if (!(cause instanceof BrokerError)) throw cause;
      throw new RedriveError('PublishUnknown', `whether an event was published is not known: ${cause.message}; it may be redriven again`, {
        cause,
      });
    } finally {
      timer.cancel();
    }
    if (outcome === 'unroutable')
      throw new RedriveError('PublishRefused', `there is no queue ${work}: is the agent deleted? Its dead letters stay`);
    if (outcome === 'refused')
      throw new RedriveError('PublishRefused', `queue ${work} takes no more events: let the agent catch up, then redrive the rest`);
  }
}
