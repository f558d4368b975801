/** Codes of errors that come before a single byte of a request has left: names, routes, refused connections, certificates. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** The first code found along an error's causes, as Node's `fetch` nests them (also in `AggregateError`s of several addresses). */
export function networkCodeOf(error: unknown): string | undefined {
  for (let at: unknown = error; typeof at === 'object' && at !== null; at = nextCause(at)) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return undefined;
}

/** Whether a failed `fetch` certainly sent nothing. */
export function failedBeforeSending(error: unknown): boolean {
  const code = networkCodeOf(error);
  return code !== undefined && (BEFORE_SENDING.has(code) || code.startsWith('CERT_'));
}

function nextCause(error: object): unknown {
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) return error.errors[0];
  return 'cause' in error ? error.cause : undefined;
}
