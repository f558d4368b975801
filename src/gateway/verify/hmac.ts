import { createHmac, timingSafeEqual } from 'node:crypto';
import { soleHeader } from './header.ts';
import type { ReadableSecrets, VerificationFailure, Verifier } from './verifier.ts';

const HEX_SIGNATURE = /^(?:sha256=)?([0-9a-f]{64})$/i;

/** HMAC-SHA256 of the raw body in hex, with or without `sha256=` before it, in the header that the route names. */
export function verifyHmac(rawHeaders: readonly string[], header: string, secrets: ReadableSecrets): Verifier | VerificationFailure {
  const signature = soleHeader(rawHeaders, header.toLowerCase());
  if (typeof signature === 'string') return signature;
  const hex = HEX_SIGNATURE.exec(signature.value)?.[1];
  return hex === undefined ? 'signature_malformed' : hmacVerifier(hex, secrets);
}

/** Compares the HMAC-SHA256 of what it is fed, by each secret, with a digest of 64 hex digits. */
export function hmacVerifier(hex: string, secrets: ReadableSecrets): Verifier {
  const expected = Buffer.from(hex, 'hex');
  const hmacs = secrets.map((secret) => createHmac('sha256', secret));
  return {
    update(chunk) {
      for (const hmac of hmacs) hmac.update(chunk);
    },
    // No early end: the time must not tell which secret matched.
    matches: () => hmacs.map((hmac) => timingSafeEqual(hmac.digest(), expected)).includes(true),
  };
}
