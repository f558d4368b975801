import { type Clock, sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { follow } from '../lib/follow.ts';
import type { Log } from '../lib/log.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './kube-error.ts';
import { firstLease, heldLease, type Lease, releasedLease } from './lease.ts';
import { resources } from './resources.ts';
import { steadyClock } from './steady-clock.ts';
import { Term } from './term.ts';

/** How long things last; the defaults are client-go's. */
export interface LeaderTimes {
  /** For so long after its last renewal a leader is left alone; whole seconds. */
  readonly leaseMs: number;
  /** A leader that has not renewed for so long stops. Shorter than the lease by more than what a last request takes. */
  readonly renewDeadlineMs: number;
  /** Between two tries. */
  readonly retryMs: number;
}

/** Who stands for election, and for what. */
export interface LeaderOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  /** Of the Lease. */
  readonly namespace: string;
  readonly name: string;
  /** Of this candidate; no two that run at the same time have the same. */
  readonly identity: string;
  readonly log: Log;
  readonly times?: LeaderTimes;
  /** For durations only; default: one that nobody sets. */
  readonly clock?: Clock;
  /** Milliseconds since the epoch, for what the Lease tells people; default `Date.now`. No decision is made by it. */
  readonly now?: () => number;
  /** 0 ≤ x < 1; default `Math.random`. */
  readonly random?: () => number;
}

/** A time during which we are the leader. */
export interface Leadership {
  /** Is aborted when it is over. */
  readonly signal: AbortSignal;
  /**
   * Whether it still lasts, by the clock of this moment: to be asked before each deed. A process that was frozen wakes up to old timers and answers before
   * it hears of its signal. Ends the leadership where its time is up.
   */
  holds(): boolean;
}

const TIMES: LeaderTimes = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };
const RELEASE_MS = 5_000;

/**
 * Stands for election by a Lease, again and again until it is closed. Whether a leader is gone is judged by how long its Lease has not changed before our own eyes, never by the times that
 * are written in it: clocks differ. It does not make two leaders impossible (a request may arrive late), so every write has to bear being repeated or overtaken.
 */
export class LeaderElection {
  readonly #options: LeaderOptions;
  readonly #times: LeaderTimes;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  /** What others have been seen to write, and since when. */
  #observed: { readonly spec: string; readonly at: number } | undefined;
  /** As it was last written or read. */
  #lease: Lease | undefined;
  #term: Term | undefined;
  #elected = electedLater();
  /** Whether the Lease may have our name on it. */
  #mayHold = false;
  #reported: string | undefined;
  #closed: Promise<void> | undefined;

  /** Begins at once. */
  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
    this.#clock = options.clock ?? steadyClock;
    this.#random = options.random ?? Math.random;
    this.#now = options.now ?? Date.now;
    this.#running = this.#run();
  }

  /** Whether we are the leader. */
  leading(): boolean {
    return this.#term?.holds() ?? false;
  }

  /** Who the Lease says is the leader, as far as is known. */
  holder(): string | undefined {
    return this.#lease?.spec?.holderIdentity || undefined;
  }

  /** The present leadership, or the next. Rejects when the election is closed, and with the signal's reason. */
  elected(signal: AbortSignal): Promise<Leadership> {
    return untilAborted(this.#elected.promise, signal);
  }

  /** Ends the leadership, and gives the Lease up so that the next need not wait: all work that it covers must have ended before. Never rejects, and may be repeated. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = new Error('the election is closed');
    this.#closing.abort(closed);
    this.#term?.end(closed);
    await this.#running;
    this.#elected.reject(closed);
    if (this.#mayHold) await this.#release();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#attempt();
      await sleep(this.#clock, this.#pauseMs(), signal).catch(() => {});
    }
  }

  /** Renews or tries to take the Lease, once. */
  async #attempt(): Promise<void> {
    const startedAt = this.#clock.now();
    const limit = new AbortController();
    const unfollow = follow(this.#closing.signal, limit);
    const timer = this.#clock.timer(this.#times.renewDeadlineMs / 2, () => limit.abort(new Error('no answer in time')));
    try {
      const isHeld = await this.#hold(limit.signal);
      this.#reported = undefined;
      if (this.#closing.signal.aborted) return;
      if (isHeld) this.#holdsSince(startedAt);
      else this.#term?.end(new Error(`${this.holder() ?? 'nobody'} holds the lease now`));
    } catch (error) {
      // Once for each kind of trouble: a try comes every two seconds.
      const message = messageOf(error);
      if (this.#closing.signal.aborted || message === this.#reported) return;
      this.#reported = message;
      this.#options.log.warn('the lease cannot be renewed or watched', { lease: this.#options.name, error: message });
    } finally {
      timer.cancel();
      unfollow();
    }
  }

  /** Whether the Lease is ours now. Rejects where that is unknown. */
  async #hold(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options;
    const seconds = Math.ceil(this.#times.leaseMs / 1_000);
    if (
      this.#term?.holds() &&
      this.#lease !== undefined &&
      (await this.#write(heldLease(this.#lease, identity, seconds, this.#now()), signal))
    )
      return true;
    const lease = await client.get<Lease>(resources.leases, namespace, name, signal);
    if (lease === undefined) {
      this.#mayHold = true;
      const created = firstLease({ namespace, name }, identity, seconds, this.#now());
      this.#lease = await unlessLost(() => client.create(resources.leases, created, signal));
      return this.#lease !== undefined;
    }
    this.#lease = lease;
    const isOpen = !lease.spec?.holderIdentity || lease.spec.holderIdentity === identity;
    if (!isOpen && this.#expiresInMs(lease) > 0) return false;
    return this.#write(heldLease(lease, identity, seconds, this.#now()), signal);
  }

  /** `false`: somebody else was faster, or the Lease is gone. */
  async #write(lease: Lease, signal: AbortSignal): Promise<boolean> {
    this.#mayHold = true;
    const written = await unlessLost(() => this.#options.client.replace(resources.leases, lease, {}, signal));
    if (written !== undefined) this.#lease = written;
    return written !== undefined;
  }

  /** How long the holder is to be left alone, by what we have seen ourselves; the first look begins a whole lease. */
  #expiresInMs({ spec }: Lease): number {
    const now = this.#clock.now();
    const text = JSON.stringify(spec ?? {});
    if (this.#observed?.spec !== text) this.#observed = { spec: text, at: now };
    const seconds = spec?.leaseDurationSeconds;
    const leaseMs = seconds ? seconds * 1_000 : this.#times.leaseMs;
    return this.#observed.at + leaseMs - now;
  }

  #holdsSince(renewedAt: number): void {
    if (this.#term?.renew(renewedAt)) return;
    const { log, name, identity } = this.#options;
    const term = new Term(this.#clock, this.#times.renewDeadlineMs, renewedAt, (reason) => {
      if (this.#term !== term) return;
      log.info('no longer the leader', { lease: name, identity, reason: messageOf(reason) });
      this.#term = undefined;
      this.#elected = electedLater();
    });
    if (!term.holds()) return;
    this.#term = term;
    log.info('leading', { lease: name, identity });
    this.#elected.resolve(term);
  }

  /** A leader renews at its pace; the others look a little less regularly, and when the leader's time is up. */
  #pauseMs(): number {
    const { retryMs } = this.#times;
    if (this.#term !== undefined) return retryMs;
    const jittered = retryMs * (1 + this.#random() / 5);
    const isOthers = this.holder() !== undefined && this.holder() !== this.#options.identity;
    if (!isOthers || this.#lease === undefined || this.#observed === undefined) return jittered;
    return Math.max(1, Math.min(jittered, this.#expiresInMs(this.#lease)));
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity, log } = this.#options;
    const limit = new AbortController();
    const timer = this.#clock.timer(RELEASE_MS, () => limit.abort(new Error('no answer in time')));
    try {
      const lease = await client.get<Lease>(resources.leases, namespace, name, limit.signal);
      if (lease?.spec?.holderIdentity !== identity) return;
      await unlessLost(() => client.replace(resources.leases, releasedLease(lease, this.#now()), {}, limit.signal));
    } catch (error) {
      log.warn('the lease could not be released: the next leader has to wait for its end', { lease: name, error: messageOf(error) });
    } finally {
      timer.cancel();
    }
  }
}

function electedLater(): PromiseWithResolvers<Leadership> {
  const elected = Promise.withResolvers<Leadership>();
  // Nobody needs to wait for it.
  elected.promise.catch(() => {});
  return elected;
}

/** `undefined` where the race was lost: the Lease was changed, made or deleted by somebody else meanwhile. */
async function unlessLost(write: () => Promise<Lease>): Promise<Lease | undefined> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof KubeError && (error.code === 'Conflict' || error.code === 'NotFound')) return undefined;
    throw error;
  }
}
