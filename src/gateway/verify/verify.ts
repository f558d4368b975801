import type { SecretKeyRef, Secrets, Verification } from '../../api/configuration.ts';
import { verifyBearer } from './bearer.ts';
import { verifyGitHub } from './github.ts';
import { verifyHmac } from './hmac.ts';
import { trusted } from './none.ts';
import type { ReadableSecrets, VerificationFailure, Verifier } from './verifier.ts';

/**
 * Begins to verify a request: by its headers now, by its body as it arrives. `rawHeaders` as Node gives them.
 * Secrets that cannot be read are passed over as long as one can; an empty one would let everybody in, and counts as unreadable.
 */
export function beginVerification(
  verification: Verification,
  rawHeaders: readonly string[],
  secrets: Secrets,
): Verifier | VerificationFailure {
  if (verification.scheme === 'None') return trusted;
  const readable = readableSecrets(verification.secretKeyRefs, secrets);
  if (readable === undefined) return 'secret_unreadable';
  switch (verification.scheme) {
    case 'GitHub':
      return verifyGitHub(rawHeaders, readable);
    case 'HMAC':
      return verifyHmac(rawHeaders, verification.header, readable);
    case 'Bearer':
      return verifyBearer(rawHeaders, readable);
  }
}

/**
 * The secret in a Secret's value: without one line break at its end, which editors and `kubectl create secret --from-file` leave there and senders do not know of.
 * `undefined` where nothing is left.
 */
export function webhookSecret(value: string | undefined): string | undefined {
  return value?.replace(/\r?\n$/, '') || undefined;
}

function readableSecrets(refs: readonly SecretKeyRef[], secrets: Secrets): ReadableSecrets | undefined {
  const [first, ...others] = refs.map((ref) => webhookSecret(secrets(ref))).filter((secret) => secret !== undefined);
  return first === undefined ? undefined : [first, ...others];
}
