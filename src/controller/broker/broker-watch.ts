import type { ConditionReason } from '../../api/conditions.ts';
import { BrokerError } from '../../broker/port.ts';
import type { BrokerAdmin, ListedQueue, Removal, Step } from '../../broker/topology.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { within } from '../../lib/within.ts';
import { Snapshot } from './snapshot.ts';

/** How often the queues are listed: this is how a broker that is gone is noticed, and how depths are known. */
const POLL_MS = 10_000;
/** How long a listing may take. That of thousands of queues takes many seconds on a busy broker, and a slow broker is not one that is away. */
const POLL_DEADLINE_MS = 30_000;
/** How often exchanges and bindings are listed, where nothing else asks for it. */
const ROUTES_MS = 20_000;
/** Changes one after the other are given this long each. */
const CHANGE_DEADLINE_MS = 15_000;
/** As many requests for changes are under way at a time. */
const CHANGES_AT_A_TIME = 16;

/** Whether a broker answers, in the terms of a condition. */
export interface Reachability {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason;
  readonly message: string;
}

/** What a watch tells of: queues and exchanges that have come, gone or changed, by name, routes included; or everything, where the broker's reachability has changed. */
export type BrokerChange = { readonly all: true } | { readonly all: false; readonly names: ReadonlySet<string> };

/** Follows one virtual host by its management API, and makes changes there. Owns its loop until it is closed. */
export class BrokerWatch {
  readonly name: string;
  readonly snapshot = new Snapshot();
  readonly #admin: () => BrokerAdmin;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onChange: (change: BrokerChange) => void;
  readonly #onPolled: () => void;
  readonly #assertLeading: () => void;
  readonly #stop = new AbortController();
  #reachability: Reachability = { status: 'Unknown', reason: 'NotObserved', message: 'the broker has not been asked yet' };
  #listedAt = Number.NEGATIVE_INFINITY;
  #routesAt = Number.NEGATIVE_INFINITY;
  #loop: Promise<void> | undefined;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  /** `admin` is asked anew for each use, so that a rotated login is seen; it may throw. */
  constructor(options: {
    readonly name: string;
    readonly admin: () => BrokerAdmin;
    readonly clock: Clock;
    readonly log: Log;
    readonly onChange: (change: BrokerChange) => void;
    /** Told after each poll, whatever came of it. */
    readonly onPolled: () => void;
    /** Asked before each change, by the clock of that moment: throws where changes are another's to make. */
    readonly assertLeading: () => void;
  }) {
    this.name = options.name;
    this.#admin = options.admin;
    this.#clock = options.clock;
    this.#log = options.log.child({ broker: options.name });
    this.#onChange = options.onChange;
    this.#onPolled = options.onPolled;
    this.#assertLeading = options.assertLeading;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  get reachability(): Reachability {
    return this.#reachability;
  }

  /** How long a new queue must have stood before events are let into it. */
  get freshQueueMs(): number {
    return this.#admin().freshQueueMs;
  }

  /** Whether depths may be spoken of: the last listing came about. It is then at most a pause and two deadlines old. */
  get isCurrent(): boolean {
    return this.#reachability.status === 'True';
  }

  /** When the queues were listed last, in milliseconds. */
  get listedAt(): number {
    return this.#listedAt;
  }

  /** Makes one change on the broker. Rejects with `BrokerError`. */
  async change(change: Step | Removal, signal: AbortSignal): Promise<void> {
    await this.#enter();
    try {
      this.#assertLeading();
      await within(this.#clock, CHANGE_DEADLINE_MS, signal, 'the management API', async (limited) => {
        if (change.do === 'delete-queue' || change.do === 'delete-exchange' || change.do === 'delete-policy')
          await this.#admin().remove(change, limited);
        else await this.#admin().apply(change, limited);
      });
      this.snapshot.note(change, this.#clock.now());
    } finally {
      this.#leave();
    }
  }

  /** Ends the loop. Never rejects, and may be repeated. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the operator is stopping'));
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#poll();
      if (!signal.aborted) this.#onPolled();
      await sleep(this.#clock, POLL_MS, signal).catch(() => {});
    }
  }

  async #poll(): Promise<void> {
    try {
      await within(this.#clock, POLL_DEADLINE_MS, this.#stop.signal, 'the management API', (signal) => this.#list(signal));
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#routesAt = Number.NEGATIVE_INFINITY;
      const reason = error instanceof BrokerError && error.code === 'LoginRefused' ? 'BrokerLoginRefused' : 'BrokerUnreachable';
      if (this.#become({ status: 'False', reason, message: messageOf(error) })) this.#onChange({ all: true });
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const startedAt = this.#clock.now();
    const admin = this.#admin();
    const listed = await admin.queues(signal);
    const { changed, vanished } = this.#differences(listed);
    this.snapshot.takeQueues(listed, startedAt, this.#clock.now());
    this.#listedAt = startedAt;
    // A queue takes its bindings along.
    if (vanished.size > 0 || startedAt - this.#routesAt >= ROUTES_MS || !this.snapshot.isComplete) {
      const routesFrom = this.#clock.now();
      for (const name of this.snapshot.takeRoutes(await admin.routes(signal), routesFrom, this.#clock.now())) changed.add(name);
      this.#routesAt = routesFrom;
    }
    if (this.#become({ status: 'True', reason: 'Reachable', message: 'the management API answers' })) this.#onChange({ all: true });
    else if (changed.size > 0) this.#onChange({ all: false, names: changed });
  }

  /** Names of queues that are other than they were, and of those among them that are there no more. */
  #differences(listed: readonly ListedQueue[]): { readonly changed: Set<string>; readonly vanished: ReadonlySet<string> } {
    const vanished = new Set(this.snapshot.queueNames(''));
    const changed = new Set<string>();
    for (const queue of listed) {
      vanished.delete(queue.name);
      const known = this.snapshot.queue(queue.name);
      if (known === undefined || JSON.stringify(known) !== JSON.stringify(queue)) changed.add(queue.name);
    }
    return { changed: new Set([...changed, ...vanished]), vanished };
  }

  /** Whether this is news. */
  #become(next: Reachability): boolean {
    const before = this.#reachability;
    this.#reachability = next;
    if (before.status === next.status && before.reason === next.reason) return false;
    if (next.status === 'True') this.#log.info('the broker answers');
    else this.#log.warn('the broker cannot be asked', { reason: next.reason, error: next.message });
    return true;
  }

  async #enter(): Promise<void> {
    if (this.#underWay >= CHANGES_AT_A_TIME) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    this.#underWay += 1;
  }

  #leave(): void {
    this.#underWay -= 1;
    this.#waiting.shift()?.();
  }
}
