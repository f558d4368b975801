import type { RateLimit } from '../../api/configuration.ts';
import type { AgentRef } from '../../api/names.ts';
import { tokensIn } from '../../api/tokens.ts';
import type { Timer } from '../../lib/clock.ts';
import { waitedOut } from '../../lib/waited-out.ts';
import { usageBound } from '../../model/anthropic-request.ts';
import type { ModelRequest } from '../../model/port.ts';
import { StoreError } from '../../store/port.ts';
import type { Reserved } from '../budget/till.ts';
import { persistently } from '../claim.ts';
import type { GateParts } from '../gate-parts.ts';
import { LastingPause } from '../lasting-pause.ts';
import type { Outcome } from '../outcome.ts';
import { SharedCell } from '../shared-cell.ts';
import { givenBack, IDLE, letThrough, type RateState } from './rate-state.ts';

/** A delivery waits in hand no longer than this: what takes longer goes back to the queue, and the intake is closed for that time. */
const IN_HAND_MS = 5_000;

/** How often it is looked at meanwhile. */
const LOOK_MS = 5_000;

/** What it needs. */
export interface RateGateParts extends GateParts {
  readonly agent: AgentRef;
  readonly rateLimit: RateLimit;
}

/** Lets calls through at the rate that an agent's spec allows, over all its replicas. Owned by a runner, which closes it. */
export class RateGate {
  readonly #parts: RateGateParts;
  readonly #cell: SharedCell<RateState>;
  /** What is let in between two pauses waits for the rate in hand. */
  readonly #pause: LastingPause;
  /** Set while no events are taken. */
  #timer: Timer | undefined;
  #isOver = false;

  constructor(parts: RateGateParts) {
    const { agent, rateLimit, store, clock, notePause } = parts;
    this.#parts = parts;
    this.#pause = new LastingPause({ clock, notePause, gapMs: IN_HAND_MS });
    const longestMs = Math.max(rateLimit.events?.periodMs ?? 0, 60_000);
    this.#cell = new SharedCell({
      store,
      clock,
      key: { owner: agent, name: 'rate' },
      // Until all that was let through would have been let through evenly, and a while longer.
      expireMs: (state, now) => 2 * longestMs + Math.max(0, Math.ceil(Math.max(state.events, state.tokens) - now)),
      empty: IDLE,
    });
  }

  /** Asks for one call. What is settled gives back the tokens that were not used. Rejects with the hold signal's reason while the store is away. */
  async enter(request: ModelRequest, hold: AbortSignal, stops: readonly AbortSignal[]): Promise<Reserved | { readonly outcome: Outcome }> {
    const { clock, rateLimit } = this.#parts;
    const bound = tokensIn(usageBound(request));
    const giveUpAt = clock.now() + IN_HAND_MS;
    for (;;) {
      const waitMs = await persistently(clock, hold, () =>
        this.#cell.change((state, now) => {
          const answer = letThrough(state, rateLimit, bound, now);
          return 'next' in answer ? { next: answer.next, result: 0 } : { result: answer.waitMs };
        }),
      );
      if (waitMs === 0) break;
      const isTooLong = clock.now() + waitMs > giveUpAt;
      if (isTooLong || !(await waitedOut(clock, waitMs, [hold, ...stops]))) {
        hold.throwIfAborted();
        if (isTooLong) this.#close(bound, waitMs);
        return {
          outcome: {
            kind: 'hand-back',
            reason: 'OwnRateLimit',
            error: `spec.rateLimit lets the next call through in ${Math.ceil(waitMs / 1000)} s`,
          },
        };
      }
    }
    return {
      settle: async (usage) => {
        const unused = bound - tokensIn(usage);
        if (rateLimit.tokensPerMinute === undefined || unused <= 0) return;
        await persistently(clock, hold, () =>
          this.#cell.change((state) => {
            const next = givenBack(state, rateLimit, unused);
            return { result: undefined, ...(next === undefined ? {} : { next }) };
          }),
        );
      },
    };
  }

  close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #close(bound: number, waitMs: number): void {
    const { clock, intake, log } = this.#parts;
    if (this.#timer === undefined) log.info('the rate that the spec allows is used up; no events are taken for a while', { waitMs });
    this.#timer?.cancel();
    this.#pause.forMs(waitMs);
    intake.limit('rate', 0);
    this.#timer = clock.timer(Math.min(waitMs, LOOK_MS), () => void this.#look(bound));
  }

  /** Whether a call of so many tokens may be made by now: what others have not used comes back before its time. Never rejects. */
  async #look(bound: number): Promise<void> {
    const waitMs = await this.#waitMs(bound);
    if (this.#isOver) return;
    if (waitMs > 0) return this.#close(bound, waitMs);
    this.#timer = undefined;
    this.#parts.intake.limit('rate', undefined);
  }

  async #waitMs(bound: number): Promise<number> {
    try {
      const answer = letThrough(await this.#cell.read(), this.#parts.rateLimit, bound, this.#cell.now());
      return 'next' in answer ? 0 : answer.waitMs;
    } catch (error) {
      // A store that is away is said by whoever watches it.
      if (!(error instanceof StoreError)) throw error;
      return LOOK_MS;
    }
  }
}
