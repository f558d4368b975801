import type { Clock } from '../lib/clock.ts';
import { Fifo } from './embedded-fifo.ts';

/** What a lane carries: done on arrival. */
export interface Parcel {
  /** Whether it is a publication, which a broker under a memory or disk alarm does not let in. */
  readonly publishes: boolean;
  arrive(): void;
}

/** One direction of a channel: what is sent arrives in order, each thing in a turn of its own and never at once. Owned by its connection. */
export class Lane {
  readonly #clock: Clock;
  readonly #admits: (parcel: Parcel) => boolean;
  readonly #onTheWay = new Fifo<Parcel>();
  #waiting = 0;
  #cut = false;

  /** `admits` is asked for each parcel on arrival; a parcel that is not admitted waits with all behind it for `resume`. */
  constructor(clock: Clock, admits: (parcel: Parcel) => boolean) {
    this.#clock = clock;
    this.#admits = admits;
  }

  /** Sends; after `cut` it is lost. */
  send(arrive: () => void, publishes = false): void {
    if (this.#cut) return;
    this.#onTheWay.push({ publishes, arrive });
    this.#clock.timer(0, () => this.#next());
  }

  /** Lets in what was not admitted. */
  resume(): void {
    for (; this.#waiting > 0; this.#waiting--) this.#clock.timer(0, () => this.#next());
  }

  /** Loses what is on the way, and all that is sent from now on. */
  cut(): void {
    this.#cut = true;
    this.#onTheWay.clear();
  }

  #next(): void {
    const parcel = this.#onTheWay.peek();
    if (parcel === undefined) return;
    if (!this.#admits(parcel)) {
      this.#waiting++;
      return;
    }
    this.#onTheWay.shift();
    parcel.arrive();
  }
}
