import { type DeadLetter, letterIdentity, redrivenMessage } from '../api/dead-letter.ts';
import { type AgentRef, type BrokerNames, routingKeys } from '../api/names.ts';
import { type BrokerConnection, BrokerError, type Channel, type Publication, type PublishOutcome } from '../broker/port.ts';
import { DeadLetterReading, type Found } from '../dead-letters/reading.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { CodedError } from '../lib/errors.ts';
import type { Store } from '../store/port.ts';
import { recordKeyOf, redriveDecision } from './decision.ts';

/** What is to be redriven, and how fast. */
export interface RedriveRequest {
  readonly agent: AgentRef;
  readonly names: BrokerNames;
  /** Which dead letters are meant; the others stay. */
  readonly isMeant: (letter: DeadLetter) => boolean;
  /** Only look: publish nothing, acknowledge nothing. */
  readonly dryRun: boolean;
  /** Publish no more than this many. */
  readonly limit?: number;
  /** From one publication to the next. */
  readonly intervalMs: number;
}

/** What a redrive works with. */
export interface RedrivePorts {
  readonly connection: BrokerConnection;
  readonly store: Pick<Store, 'read'>;
  readonly clock: Clock;
  /** A signal that is aborted when the broker has had its time to give us a channel. */
  readonly connect: () => AbortSignal;
  /** Told after each dead letter. */
  readonly onProgress: (counts: RedriveCounts) => void;
}

/** What has become of dead letters so far; of a dry run, what would become of them. */
export interface RedriveCounts {
  /** Messages that were in the queue at the start, and in nobody's hands. */
  readonly depth: number;
  /** Events that were published to run again. */
  readonly redriven: number;
  /** Dead letters whose event is past them. */
  readonly superseded: number;
  /** Further copies of what is counted in the two above. */
  readonly copies: number;
  /** Of the redriven events, those with an output that was sent and whose answer nobody knows. */
  readonly withOpenIntents: number;
}

/** A redrive could not go on; what it has done stays done, and it may be begun again. */
export class RedriveError extends CodedError<'PublishRefused' | 'PublishUnknown'> {}

/** How long a publish may go without a confirm. */
const CONFIRM_MS = 30_000;

/** Dead letters that are not meant are held for so long at most, well inside the broker's consumer timeout of 30 minutes; then they go back, and are looked at anew. */
const HOLD_MS = 15 * 60_000;

/**
 * Runs dead letters again: each is published to the work queue, and acknowledged when the broker has confirmed that. Interrupted anywhere, an event is in one of the two queues or
 * in both; then the next redrive publishes it a second time, and its record makes one of the copies a duplicate. Events that die again meanwhile are left for the next time.
 * Resolves with what became of them. Rejects with `BrokerError`, `StoreError`, `DeadLetterError` (`NoQueue`), or `RedriveError`.
 */
export async function redrive(request: RedriveRequest, ports: RedrivePorts): Promise<RedriveCounts> {
  const { connection, connect } = ports;
  const publishing = await connection.openChannel({ prefetch: 1 }, connect());
  try {
    const work = new Work(request, ports, publishing);
    while (!(await work.pass())) {
      // What is not meant has gone back, and the queue is looked at from its beginning.
    }
    return work.counts;
  } finally {
    await publishing.close();
  }
}

/** One redrive: what it has done, over all its looks at the queue. */
class Work {
  readonly #request: RedriveRequest;
  readonly #ports: RedrivePorts;
  readonly #publishing: Channel;
  /** Dead letters that were dealt with: what comes of them again is a copy. */
  readonly #dealt = new Set<string>();
  #counts: RedriveCounts = { depth: 0, redriven: 0, superseded: 0, copies: 0, withOpenIntents: 0 };
  #begun = false;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(request: RedriveRequest, ports: RedrivePorts, publishing: Channel) {
    this.#request = request;
    this.#ports = ports;
    this.#publishing = publishing;
  }

  get counts(): RedriveCounts {
    return this.#counts;
  }

  /** Looks at the queue once. `false`: it is to be looked at again. */
  async pass(): Promise<boolean> {
    const { connection, clock, connect } = this.#ports;
    const { names, dryRun, isMeant } = this.#request;
    await using reading = await DeadLetterReading.open({ connection, names, clock, connect });
    if (!this.#begun) this.#counts = { ...this.#counts, depth: reading.depth };
    this.#begun = true;
    const { depth, redriven, superseded, copies } = this.#counts;
    const holdUntil = clock.now() + HOLD_MS;
    // What was there at the start and is there still. It is at the head, since what is given back goes there; what has died since is behind it.
    for await (const found of reading.messages(depth - redriven - superseded - copies)) {
      if (!dryRun && clock.now() >= holdUntil) return false;
      if (isMeant(found.letter) && !(await this.#deal(found))) return true;
      this.#ports.onProgress(this.#counts);
    }
    return true;
  }

  /** Deals with a dead letter that is meant. `false`: the limit is reached. */
  async #deal(found: Found): Promise<boolean> {
    const { letter } = found;
    const identity = letterIdentity(letter);
    const done = (change: Partial<RedriveCounts>) => {
      if (!this.#request.dryRun) found.acknowledge();
      if (identity !== undefined) this.#dealt.add(identity);
      this.#counts = { ...this.#counts, ...change };
      return true;
    };
    const { redriven, superseded, copies, withOpenIntents } = this.#counts;
    if (identity !== undefined && this.#dealt.has(identity)) return done({ copies: copies + 1 });
    const decision = redriveDecision(letter, await this.#recordOf(letter));
    if (decision.do === 'drop') return done({ superseded: superseded + 1 });
    if (redriven === this.#request.limit) return false;
    if (!this.#request.dryRun) {
      await this.#pace();
      const { exchange } = this.#request.names;
      const message = redrivenMessage(letter, found.delivery, decision.next, this.#ports.clock.now());
      await this.#publish({ ...message, exchange, routingKey: routingKeys.work });
    }
    return done({ redriven: redriven + 1, withOpenIntents: withOpenIntents + Number(decision.openIntents > 0) });
  }

  async #recordOf(letter: DeadLetter) {
    const event = recordKeyOf(letter);
    if (event === undefined) return undefined;
    return (await this.#ports.store.read({ agent: this.#request.agent, event })).stored?.record;
  }

  async #pace(): Promise<void> {
    const { clock } = this.#ports;
    const now = clock.now();
    if (this.#nextAt > now) await sleep(clock, this.#nextAt - now);
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
