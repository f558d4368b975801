import type { Verifier } from './verifier.ts';

/** Nothing (more) to verify in the body. */
export const trusted: Verifier = { update: () => {}, matches: () => true };
