import { digest } from '../../api/names.ts';
import type { TokenUsage } from '../../api/tokens.ts';
import type { Clock } from '../../lib/clock.ts';
import { follow } from '../../lib/follow.ts';
import type { Log } from '../../lib/log.ts';
import { ModelError, type ModelErrorCode, type ModelRequest, type TokenCounter } from '../../model/port.ts';

/**
 * What is added to a count. The provider calls it an estimate, from which the tokens of the call may differ by a small amount, and does not say how small:
 * https://platform.claude.com/docs/en/build-with-claude/token-counting
 */
const MARGIN = { share: 0.1, tokens: 100 };

/** A count that takes longer has failed. */
const PATIENCE_MS = 10_000;

/** So many counts are remembered: an event that has to wait asks again with the same request. */
const MOST_KNOWN = 256;

/** The most that a call can use by the provider's count of its input, margin included; never more than by its bytes. Pure. */
export function countedUsage(byBytes: TokenUsage, counted: number): TokenUsage {
  return { ...byBytes, input: Math.min(byBytes.input, Math.ceil(counted * (1 + MARGIN.share)) + MARGIN.tokens) };
}

/** Has the provider count the input tokens of requests; it bills nothing for that, and limits its rate apart from that of calls. */
export class TokenCounts {
  readonly #counter: TokenCounter;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #known = new Map<string, number>();

  constructor(counter: TokenCounter, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#counter = counter;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * The count; an error where the provider fails in passing, or gives none in time (`Overloaded`): it may give one later; `undefined` where it does not count such a request, or
   * `signal` is aborted. Rejects with what is no error of the provider.
   */
  async of(request: ModelRequest, signal: AbortSignal): Promise<number | ModelError | undefined> {
    const name = digest(request.model, request.system ?? '', request.prompt);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const counted = await this.#ask(request, signal);
    if (typeof counted !== 'number') return counted;
    this.#known.set(name, counted);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return counted;
  }

  async #ask(request: ModelRequest, signal: AbortSignal): Promise<number | ModelError | undefined> {
    const abort = new AbortController();
    const unfollow = follow(signal, abort);
    const timer = this.#clock.timer(PATIENCE_MS, () => abort.abort(new Error('the count took too long')));
    try {
      return await this.#counter.countTokens(request, abort.signal);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      if (signal.aborted) return undefined;
      if (error.code === 'Aborted')
        return new ModelError('Overloaded', `the model provider did not count the tokens of a request within ${PATIENCE_MS / 1000} s`, {
          cause: error,
          usage: 'none',
        });
      if (!isFinal(error.code)) return error;
      this.#log.warn('the model provider does not count the tokens of a request; its bytes count', { error: error.message });
      return undefined;
    } finally {
      timer.cancel();
      unfollow();
    }
  }
}

/** Whether the provider would say the same next time. A way to count that is not found is what providers have that cannot count. */
function isFinal(code: ModelErrorCode): boolean {
  return code === 'ModelNotFound' || code === 'BadRequest' || code === 'TooLarge';
}
