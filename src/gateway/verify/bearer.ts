import { hash, timingSafeEqual } from 'node:crypto';
import { soleHeader } from './header.ts';
import { trusted } from './none.ts';
import type { ReadableSecrets, VerificationFailure, Verifier } from './verifier.ts';

const BEARER = /^Bearer +([^ ]+)$/i;

/** `Authorization: Bearer <token>` (RFC 6750 section 2.1). It is known before the body is read. */
export function verifyBearer(rawHeaders: readonly string[], secrets: ReadableSecrets): Verifier | VerificationFailure {
  const header = soleHeader(rawHeaders, 'authorization');
  if (typeof header === 'string') return header;
  const token = BEARER.exec(header.value)?.[1];
  if (token === undefined) return 'signature_malformed';
  // Hashes are of equal length, so that the comparison tells neither the length of a secret nor which one matched.
  // Node gives header bytes as Latin-1; back in bytes they compare with a secret in UTF-8.
  const given = hash('sha256', Buffer.from(token, 'latin1'), 'buffer');
  const matched = secrets.map((secret) => timingSafeEqual(given, hash('sha256', secret, 'buffer'))).includes(true);
  return matched ? trusted : 'signature_mismatch';
}
