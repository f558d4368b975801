import type { HeaderFailure } from './header.ts';

/** Why a request is not who it should be, or why that cannot be told. */
export type VerificationFailure = HeaderFailure | 'signature_malformed' | 'signature_mismatch' | 'secret_unreadable';

/** A verification under way: fed with the raw body as it arrives, asked once at its end. */
export interface Verifier {
  update(chunk: Buffer): void;
  /** Whether one of the secrets made the signature. Takes the same time whichever it was. */
  matches(): boolean;
}

/** At least one secret; none of them is empty. */
export type ReadableSecrets = readonly [string, ...string[]];
