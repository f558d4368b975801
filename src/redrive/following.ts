import type { AgentRef } from '../api/names.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { RecordError, type Store } from '../store/port.ts';
import { afterEnd, type End, endOf, type Followed, type FollowState, failurePercent } from './ends.ts';
import { RedriveError } from './redrive-error.ts';

/** How redriven events are looked after. */
export interface FollowRequest {
  /** The redrive stops when so many of a hundred of the events that ended last have died again, 1 to 100. */
  readonly stopAtFailurePercent: number;
  /** How long no event may come to an end before none is waited for any more, in milliseconds. */
  readonly timeoutMs: number;
}

/** What looking takes. */
export interface FollowPorts {
  readonly agent: AgentRef;
  readonly store: Pick<Store, 'read'>;
  readonly clock: Clock;
  readonly stop?: AbortSignal;
}

/** At most so many redriven events are under way at a time: no more are spoilt before it is known that they fail. */
export const MOST_UNDER_WAY = 50;

/** How often their records are looked at. */
const LOOK_MS = 1_000;

/** Redriven events from their publication to their end, as their records say it. */
export class Following {
  readonly #request: FollowRequest;
  readonly #ports: FollowPorts;
  #state: FollowState;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** When one was published or has ended last. */
  #movedAt: number;

  constructor(request: FollowRequest, ports: FollowPorts, state: FollowState) {
    this.#request = request;
    this.#ports = ports;
    this.#state = state;
    this.#movedAt = ports.clock.now();
  }

  get state(): FollowState {
    return this.#state;
  }

  /** Another one is published. */
  begin(event: Followed): void {
    const { underWay } = this.#state;
    if (underWay.some((known) => known.event === event.event && known.gen === event.gen)) return;
    this.#state = { ...this.#state, underWay: [...underWay, event] };
    this.#movedAt = this.#ports.clock.now();
  }

  /** Another one is published, whose end no record that is known will tell. */
  beginUnseen(): void {
    this.#state = { ...this.#state, notFollowed: this.#state.notFollowed + 1 };
  }

  isFull(): boolean {
    return this.#state.underWay.length >= MOST_UNDER_WAY;
  }

  /** Looks at those under way, unless it has just done so. Rejects with `RedriveError` (`FailureRateHigh`), or `StoreError`. */
  async look(): Promise<void> {
    const { clock } = this.#ports;
    if (clock.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = clock.now();
    for (const followed of this.#state.underWay) {
      const end = await this.#endOf(followed);
      if (end === undefined) continue;
      this.#state = afterEnd(this.#state, followed, end);
      this.#movedAt = clock.now();
    }
    const percent = failurePercent(this.#state);
    const { stopAtFailurePercent } = this.#request;
    if (percent === undefined || percent < stopAtFailurePercent) return;
    throw new RedriveError(
      'FailureRateHigh',
      `${Math.round(percent)}% of the last ${this.#state.recent.length} redriven events that ended died again, and it stops at ${stopAtFailurePercent}%: see their dead letters, and mend the cause; the others stay where they are`,
    );
  }

  /** An event whose record cannot be read is held by its agent until the record is put back: it has not ended. */
  async #endOf({ event, gen }: Followed): Promise<End | undefined> {
    const { store, agent } = this.#ports;
    try {
      return endOf((await store.read({ agent, event })).stored?.record, gen);
    } catch (error) {
      if (error instanceof RecordError) return undefined;
      throw error;
    }
  }

  /** Waits for a while, and looks. Rejects as `look`, also with `NoProgress` where nothing has ended for too long. */
  async pause(): Promise<void> {
    const { clock, stop } = this.#ports;
    await sleep(clock, LOOK_MS, stop);
    await this.look();
    if (!this.isFull() || !this.#isStuck()) return;
    throw new RedriveError(
      'NoProgress',
      `${this.#state.underWay.length} redriven events have not ended, and none has for ${this.#request.timeoutMs / 1000} s: see the agent's conditions; the others stay where they are`,
    );
  }

  /** Waits for a while for those that are under way; `false` where all have ended, or none has for too long. Rejects as `look`. */
  async waits(): Promise<boolean> {
    const { clock, stop } = this.#ports;
    await this.look();
    if (this.#state.underWay.length === 0 || this.#isStuck()) return false;
    await sleep(clock, LOOK_MS, stop);
    return true;
  }

  #isStuck(): boolean {
    return this.#ports.clock.now() - this.#movedAt >= this.#request.timeoutMs;
  }
}
