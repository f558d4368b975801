/**
 * The wait that a `retry-after` header asks for, in milliseconds from `now` and never negative; `undefined` where there is none, or nonsense.
 * Seconds or an HTTP date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after (fractions of a second are taken too, as some gateways send them).
 */
export function retryAfterMs(header: string | null | undefined, now: number): number | undefined {
  const value = header?.trim();
  if (!value) return undefined;
  if (/^\d{1,12}(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1_000);
  // Only what looks like a date of HTTP's: `Date.parse` takes almost anything, a bare number included.
  const at = /^[A-Z][a-z]+, .* GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
