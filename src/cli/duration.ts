const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a time span such as `90s`, `15m`, `6h` or `30d`; `undefined` for a text that is none. */
export function durationMs(text: string): number | undefined {
  const [, number = '', unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(number) * UNITS[unit as keyof typeof UNITS];
}
