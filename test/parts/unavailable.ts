import type { TestContext } from 'node:test';

/** A real part that this machine cannot get or start. `remedy` is what a person would do about it: a command or a variable to set. */
export class PartUnavailable extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'PartUnavailable';
    this.remedy = remedy;
  }
}

/**
 * Gets a part for a test. Where it cannot be had, the test is skipped with the reason and the remedy, and `undefined` comes back;
 * with `CI=true` a missing part fails the test instead: nothing that is meant to be proven goes unproven there.
 */
export async function partOrSkip<Part>(test: Pick<TestContext, 'skip'>, get: () => Promise<Part>): Promise<Part | undefined> {
  try {
    return await get();
  } catch (error) {
    if (!(error instanceof PartUnavailable) || process.env.CI === 'true') throw error;
    test.skip(`${error.message}; to have it: ${error.remedy}`);
    return undefined;
  }
}
