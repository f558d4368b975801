import { digest } from '../../api/names.ts';
import type { TokenUsage } from '../../api/tokens.ts';
import type { Clock } from '../../lib/clock.ts';
import { follow } from '../../lib/follow.ts';
import type { Log } from '../../lib/log.ts';
import { ModelError, type ModelRequest, type TokenCounter } from '../../model/port.ts';

/**
 * What is added to a count. The provider calls it an estimate, from which the tokens of the call may differ by a small amount, and does not say how small:
 * https://platform.claude.com/docs/en/build-with-claude/token-counting
 */
const MARGIN = { share: 0.1, tokens: 100 };

/** A count that takes longer is done without. */
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

  /** The count; `undefined` where the provider gives none in time, or `signal` is aborted. Never rejects. */
  async of(request: ModelRequest, signal: AbortSignal): Promise<number | undefined> {
    const name = digest(request.model, request.system ?? '', request.prompt);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const counted = await this.#ask(request, signal);
    if (counted === undefined) return undefined;
    this.#known.set(name, counted);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return counted;
  }

  async #ask(request: ModelRequest, signal: AbortSignal): Promise<number | undefined> {
    const abort = new AbortController();
    const unfollow = follow(signal, abort);
    const timer = this.#clock.timer(PATIENCE_MS, () => abort.abort(new Error('the count took too long')));
    try {
      return await this.#counter.countTokens(request, abort.signal);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      this.#log.warn(
        'the model provider did not count the tokens of a request that the budget has no room for by its bytes; the bytes count',
        {
          error: error.message,
        },
      );
      return undefined;
    } finally {
      timer.cancel();
      unfollow();
    }
  }
}
