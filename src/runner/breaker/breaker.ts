import type { RunnerConfiguration } from '../../api/configuration.ts';
import { digest } from '../../api/names.ts';
import { sleep } from '../../lib/clock.ts';
import { PUBLIC_BASE_URL } from '../../model/anthropic-client.ts';
import type { CellKey } from '../../store/port.ts';
import { persistently } from '../claim.ts';
import type { GateParts } from '../gate-parts.ts';
import type { Outcome } from '../outcome.ts';
import { SharedCell } from '../shared-cell.ts';
import {
  admission,
  afterFailure,
  afterNeither,
  afterSuccess,
  type BreakerState,
  CLOSED,
  type ProviderFailure,
  slotsFor,
} from './breaker-state.ts';

/** How often the breaker is looked at while it is closed, and while it is open. */
const LOOK_MS = 15_000;
const LOOK_OPEN_MS = 1_000;
/** How long an event in hand waits for somebody else's probe, and how often it asks. */
const WAIT_MS = 5_000;
const ASK_MS = 500;
/** A breaker that nobody has written for so long has no failure that matters. */
const EXPIRE_MS = 7 * 24 * 3_600_000;

/** One call of the model, from the breaker's point of view. Exactly one of these is to be called when it has ended; each rejects with the hold signal's reason. */
export interface Attempt {
  succeeded(): Promise<void>;
  failed(failure: ProviderFailure, askedMs: number): Promise<void>;
  /** It ended in a way that says nothing of the provider. */
  neither(): Promise<void>;
}

/** What a breaker needs. */
export interface BreakerParts extends GateParts {
  readonly configuration: RunnerConfiguration;
  /** Told of each state that is seen. */
  readonly onState: (state: BreakerState) => void;
}

/**
 * Keeps the calls of all agents of a namespace from a model provider that is not there: a growing pause, then one call in all of them that tries, and after a success
 * one event at a time, two, four… in each process. Owned by a runner; `watch` runs until its signal is aborted.
 */
export class Breaker {
  readonly #parts: BreakerParts;
  readonly #cell: SharedCell<BreakerState>;
  #state: BreakerState = CLOSED;
  /** How many events are let in while calls are made: few after a success, then all. */
  #ramp = Number.POSITIVE_INFINITY;

  constructor(parts: BreakerParts) {
    const { configuration, store, clock } = parts;
    this.#parts = parts;
    this.#cell = new SharedCell({
      store,
      clock,
      key: breakerKey(configuration),
      expireMs: EXPIRE_MS,
      empty: CLOSED,
      onSeen: (state, now) => this.#see(state, now),
    });
  }

  /** Looks at the breaker again and again, also while nothing is called here. Never rejects. */
  watch(stop: AbortSignal): Promise<void> {
    return this.#cell.watch(stop, () => (this.#state.failures === 0 ? LOOK_MS : LOOK_OPEN_MS));
  }

  /** Asks for one call; `by` names the run. While another one tries whether the provider is back, that is waited for a little. Rejects with the hold signal's reason. */
  async enter(by: string, hold: AbortSignal, stops: readonly AbortSignal[]): Promise<Attempt | { readonly outcome: Outcome }> {
    const { clock } = this.#parts;
    const giveUpAt = clock.now() + WAIT_MS;
    while (this.#state.failures > 0) {
      const answer = await persistently(clock, hold, () =>
        this.#cell.change((state, now) => {
          const { answer: result, next } = admission(state, by, now);
          return { result, ...(next === undefined ? {} : { next }) };
        }),
      );
      if (answer === 'go') break;
      if (answer === 'stop' || clock.now() >= giveUpAt || stops.some((signal) => signal.aborted)) return { outcome: this.#refusal() };
      await sleep(clock, ASK_MS, hold);
      await persistently(clock, hold, () => this.#cell.read());
    }
    return this.#attempt(by, this.#state.era, hold);
  }

  #attempt(by: string, era: number, hold: AbortSignal): Attempt {
    const change = (next: (state: BreakerState, now: number) => BreakerState | undefined) =>
      persistently(this.#parts.clock, hold, () =>
        this.#cell.change((state, now) => {
          const changed = next(state, now);
          return { result: undefined, ...(changed === undefined ? {} : { next: changed }) };
        }),
      );
    return {
      succeeded: async () => {
        this.#widen();
        if (this.#state.failures > 0) await change((state) => afterSuccess(state, era));
      },
      failed: (failure, askedMs) => change((state, now) => afterFailure(state, era, failure, askedMs, now)),
      neither: async () => {
        if (this.#state.failures > 0) await change((state) => afterNeither(state, by));
      },
    };
  }

  #see(state: BreakerState, now: number): void {
    const { clock, log, notePause, onState } = this.#parts;
    const before = this.#state;
    this.#state = state;
    if (state.failures > 0 && state.era !== before.era) {
      const nextTryAt = new Date(state.openUntil).toISOString();
      log.warn('the model provider is not available; no events are taken until a call succeeds', { ...state.last, nextTryAt });
      notePause(clock.now(), clock.now() + Math.max(0, state.openUntil - now));
    }
    if (state.failures === 0 && before.failures > 0) {
      log.info('the model provider answers again; events are taken, a few at first');
      this.#ramp = 1;
    }
    this.#limit(now);
    onState(state);
  }

  /** After a success, twice as many events are let in. */
  #widen(): void {
    if (this.#ramp === Number.POSITIVE_INFINITY || this.#state.failures > 0) return;
    this.#ramp *= 2;
    this.#limit(this.#cell.now());
  }

  #limit(now: number): void {
    const { configuration, intake } = this.#parts;
    if (this.#ramp >= configuration.delivery.concurrency) this.#ramp = Number.POSITIVE_INFINITY;
    intake.limit('provider', slotsFor(this.#state, now) ?? (this.#ramp === Number.POSITIVE_INFINITY ? undefined : this.#ramp));
  }

  #refusal(): Outcome {
    const { last, openUntil } = this.#state;
    return {
      kind: 'hand-back',
      reason: last?.reason ?? 'Unreachable',
      error: `no call is made before ${new Date(openUntil).toISOString()}, since an earlier one failed: ${last?.error ?? ''}`,
    };
  }
}

/** Agents of a namespace that call the same model by the same key share a breaker. */
function breakerKey({ agent, model }: RunnerConfiguration): CellKey {
  const { baseUrl = PUBLIC_BASE_URL, apiKeySecretRef, name } = model;
  return {
    owner: { namespace: agent.namespace },
    name: `breaker:${digest(baseUrl, apiKeySecretRef.name, apiKeySecretRef.key, name).slice(0, 32)}`,
  };
}
