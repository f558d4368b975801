/** The middle of a list of measurements, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The spread of at least one measurement. Throws `RangeError` for none. */
export function spreadOf(values: readonly number[]): Spread {
  const ordered = [...values].sort((a, b) => a - b);
  const [min] = ordered;
  const max = ordered.at(-1);
  const upper = ordered[Math.floor(ordered.length / 2)];
  const lower = ordered[Math.floor((ordered.length - 1) / 2)];
  if (min === undefined || max === undefined || upper === undefined || lower === undefined) throw new RangeError('nothing was measured');
  return { median: (lower + upper) / 2, min, max };
}

/** Two contestants, measured in turns. */
export interface Pairs<Measurement> {
  readonly ours: readonly Measurement[];
  readonly theirs: readonly Measurement[];
  /** The spread of one figure on each side. */
  side(which: 'ours' | 'theirs', figure: (measurement: Measurement) => number): Spread;
  /** The spread of `ours / theirs`, pair by pair: what slows the machine down for a while slows down both. */
  ratio(figure: (measurement: Measurement) => number): Spread;
}

/** Measures two contestants in turns, after a pair that does not count. */
export async function measurePairs<Measurement>(
  count: number,
  ours: () => Promise<Measurement>,
  theirs: () => Promise<Measurement>,
): Promise<Pairs<Measurement>> {
  await ours();
  await theirs();
  const measured: { readonly ours: Measurement; readonly theirs: Measurement }[] = [];
  for (let pair = 0; pair < count; pair += 1) measured.push({ ours: await ours(), theirs: await theirs() });
  const sides = { ours: measured.map((pair) => pair.ours), theirs: measured.map((pair) => pair.theirs) };
  return {
    ...sides,
    side: (which, figure) => spreadOf(sides[which].map(figure)),
    ratio: (figure) => spreadOf(measured.map((pair) => figure(pair.ours) / figure(pair.theirs))),
  };
}
