/** Nanoseconds of Go's units. https://pkg.go.dev/time#ParseDuration */
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  // U+00B5, the micro sign, and U+03BC, the Greek letter.
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const LIMIT = 2n ** 63n;

/** A text such as `1h30m` in nanoseconds, `undefined` where Go would read no duration in it. https://cs.opensource.google/go/go/+/go1.26:src/time/format.go */
export function goDurationNs(text: string): bigint | undefined {
  const negative = text.startsWith('-');
  let rest = /^[-+]/.test(text) ? text.slice(1) : text;
  if (rest === '0') return 0n;
  if (rest === '') return undefined;
  let total = 0n;
  while (rest !== '') {
    const [all = '', whole = '', fraction = '', name = ''] = /^([0-9]*)(?:\.([0-9]*))?([^0-9.]+)/.exec(rest) ?? [];
    const unit = Object.hasOwn(units, name) ? units[name] : undefined;
    if (unit === undefined || (whole === '' && fraction === '')) return undefined;
    const count = BigInt(whole || '0');
    if (count > LIMIT / unit) return undefined;
    total += count * unit + fractionOf(fraction, unit);
    if (total > LIMIT) return undefined;
    rest = rest.slice(all.length);
  }
  if (negative) return -total;
  return total === LIMIT ? undefined : total;
}

/** Go computes fractions as float64, and stops reading digits where the count of them no longer fits an int64. */
function fractionOf(digits: string, unit: bigint): bigint {
  let read = 0n;
  let scale = 1;
  for (const digit of digits) {
    if (read > (LIMIT - 1n) / 10n) break;
    const next = read * 10n + BigInt(digit);
    if (next > LIMIT) break;
    read = next;
    scale *= 10;
  }
  return BigInt(Math.trunc(Number(read) * (Number(unit) / scale)));
}
