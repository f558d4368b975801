import type { AgentRef } from '../../api/names.ts';
import { persistently } from '../claim.ts';
import type { GateParts } from '../gate-parts.ts';
import { SharedCell } from '../shared-cell.ts';
import { type AlikeFailure, type AlikeState, afterAlike, afterSuccess, isAlike, NONE_ALIKE, slotsFor } from './alike-state.ts';

/** How often the state is looked at while events are taken, and while they are not. */
const LOOK_MS = 15_000;
const LOOK_PAUSED_MS = 1_000;
/** A row of failures that nobody has added to for so long is none. */
const EXPIRE_MS = 24 * 3_600_000;

/** What it needs. */
export interface FailingAlikeParts extends GateParts {
  readonly agent: AgentRef;
  /** Names the configuration that the process runs. */
  readonly configuration: string;
  /** Told of each state that is seen; `undefined`: events do not fail alike. */
  readonly onState: (state: AlikeState | undefined) => void;
}

/**
 * Sees to it that a bad deployment does not empty the queue into the dead-letter queue: where five different events in a row fail in one way that is not of their making, the fifth
 * and later ones are handed back, and the intake pauses and tries the next one. A success ends that, and so does another failure or another configuration. Owned by a runner.
 */
export class FailingAlike {
  readonly #parts: FailingAlikeParts;
  readonly #cell: SharedCell<AlikeState>;
  #state: AlikeState = NONE_ALIKE;

  constructor(parts: FailingAlikeParts) {
    const { agent, store, clock } = parts;
    this.#parts = parts;
    this.#cell = new SharedCell({
      store,
      clock,
      key: { owner: agent, name: 'alike' },
      expireMs: EXPIRE_MS,
      empty: NONE_ALIKE,
      onSeen: (state, now) => this.#see(state, now),
    });
  }

  /** Looks at the state again and again, also while nothing ends here. Never rejects. */
  watch(stop: AbortSignal): Promise<void> {
    return this.#cell.watch(stop, () => (isAlike(this.#state) ? LOOK_PAUSED_MS : LOOK_MS));
  }

  /** Told of an event that is about to be given up; whether it is to be handed back instead. Rejects with the hold signal's reason. */
  async failed(failure: Omit<AlikeFailure, 'configuration'>, hold: AbortSignal): Promise<boolean> {
    const { clock, configuration } = this.#parts;
    return persistently(clock, hold, () =>
      this.#cell.change((state, now) => {
        const next = afterAlike(state, { ...failure, configuration }, now);
        return { next, result: isAlike(next) };
      }),
    );
  }

  /** Told of an event that is done. Rejects with the hold signal's reason. */
  async succeeded(hold: AbortSignal): Promise<void> {
    if (this.#state.events.length === 0) return;
    await persistently(this.#parts.clock, hold, () =>
      this.#cell.change((state) => {
        const next = afterSuccess(state);
        return { result: undefined, ...(next === undefined ? {} : { next }) };
      }),
    );
  }

  #see(state: AlikeState, now: number): void {
    const { clock, configuration, intake, log, notePause, onState } = this.#parts;
    const [before, wasHeld] = [this.#state, this.#holds(this.#state)];
    this.#state = state;
    const isHeld = this.#holds(state);
    if (isHeld && state.pausedUntil !== before.pausedUntil) {
      const { fingerprint, reason, error, example, pausedUntil } = state;
      log.error('event after event fails alike; none is given up, and one at a time is tried', {
        fingerprint,
        reason,
        error,
        example,
        nextTryAt: new Date(pausedUntil).toISOString(),
      });
      notePause(clock.now(), clock.now() + Math.max(0, pausedUntil - now));
    }
    if (wasHeld && !isHeld) log.info('events fail alike no more; all are taken');
    intake.limit('alike', slotsFor(state, configuration, now));
    onState(isHeld ? state : undefined);
  }

  #holds(state: AlikeState): boolean {
    return isAlike(state) && state.configuration === this.#parts.configuration;
  }
}
