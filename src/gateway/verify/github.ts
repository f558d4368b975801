import { createHmac } from 'node:crypto';
import { soleHeader } from './header.ts';
import { hmacVerifier } from './hmac.ts';
import type { ReadableSecrets, VerificationFailure, Verifier } from './verifier.ts';

/** The header of GitHub's signature. The older `X-Hub-Signature` (SHA-1) is not looked at. */
export const GITHUB_SIGNATURE_HEADER = 'x-hub-signature-256';

const GITHUB_SIGNATURE = /^sha256=([0-9a-f]{64})$/;

/** GitHub's signature: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
export function verifyGitHub(rawHeaders: readonly string[], secrets: ReadableSecrets): Verifier | VerificationFailure {
  const signature = soleHeader(rawHeaders, GITHUB_SIGNATURE_HEADER);
  if (typeof signature === 'string') return signature;
  const hex = GITHUB_SIGNATURE.exec(signature.value)?.[1];
  return hex === undefined ? 'signature_malformed' : hmacVerifier(hex, secrets);
}

/** The value of the signature header with which GitHub would send `body`. */
export function githubSignature(secret: string, body: string | Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
