/** Why a header cannot be used to verify a request. */
export type HeaderFailure = 'signature_missing' | 'signature_duplicate';

/**
 * The one value of a header in a request's raw headers (name, value, name, value…); `name` in lower case.
 * Node joins or drops repeated headers, so that a second signature could hide behind the first: here it is a failure.
 */
export function soleHeader(rawHeaders: readonly string[], name: string): { readonly value: string } | HeaderFailure {
  let found: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index];
    if (candidate === undefined || candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    if (found !== undefined) return 'signature_duplicate';
    found = rawHeaders[index + 1];
  }
  return found === undefined || found === '' ? 'signature_missing' : { value: found };
}
