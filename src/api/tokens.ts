/** Tokens by kind, as the provider bills them: `input` counts uncached tokens only. */
export interface TokenUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Written to the five-minute cache, and to the one-hour cache, which is dearer. */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
}

/** No token at all. */
export const NO_TOKENS: TokenUsage = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

/** All of them. */
export function tokensIn({ input, output, cacheRead, cacheWrite5m, cacheWrite1h }: TokenUsage): number {
  return input + output + cacheRead + cacheWrite5m + cacheWrite1h;
}
