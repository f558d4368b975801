/**
 * Scheme, host and port at the very start of a URL template, written out and ended by what ends them in a URL. `@` (credentials), `\` (a slash to the URL parser) and
 * control characters (which it drops) are left out, so that what follows cannot become part of the host. https://url.spec.whatwg.org/#url-parsing
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is kept out
const ORIGIN = /^https?:\/\/[^\x00-\x20/?#{@\\]+(?=[/?#]|$)/;

/** The origin that a URL template writes out (`https://api.example.com:8443`), as written; `undefined` where a value makes up scheme, host or port. */
export function literalOrigin(source: string): string | undefined {
  return ORIGIN.exec(source)?.[0];
}

/** Whether a URL template writes out scheme, host and port. */
export function hasLiteralOrigin(source: string): boolean {
  return literalOrigin(source) !== undefined;
}
