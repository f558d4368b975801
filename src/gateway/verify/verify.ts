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

function readableSecrets(refs: readonly SecretKeyRef[], secrets: Secrets): ReadableSecrets | undefined {
  const [first, ...others] = refs.map(secrets).filter((secret): secret is string => secret !== undefined && secret !== '');
  return first === undefined ? undefined : [first, ...others];
}
