import { isJsonObject, type JsonObject } from '../../src/lib/json-object.ts';
import type { Schema } from '../../src/manifest/schema.ts';
import { createRandom, type Random } from '../simulation/random.ts';
import { placesIn } from './limit-mutations.ts';
import type { Mutation } from './mutation.ts';

/** Text that rules, patterns and Go's ways of printing look at. */
// biome-ignore format: a word a line would be a page
const words = [
  '', ' ', 'a', 'A', '-', '_', '/', '#', '*', '@', '%', '$', '0', 'a.b', 'é', 'İ', 'ſ', '\u212a', '🙂', '<b>&', '"', '\\', '\t', '\n', '\v', '\u0000', '\u007f',
  '\u00a0', '\u00ad', '\u0378', '\u200b', '\u2028', '\ufeff', '\uffff', '\u{e0001}', '\u{10ffff}', '{{ a }}', '{%', 'https://a', 'http://é/', 'https://a/@',
  'https://{{x}}', 'ea.', 'x-', 'Host', 'keep-alive', 'amq.default', 'EVENTAGENT_', 'TZ', 'LOCAL', '@hourly', '0 7 * * *', 'true', 'null',
] as const;
// biome-ignore format: likewise
const numbers = [
  0, 1, -1, 3, 60, 100, 86_400, 1.5, 0.1, 1e-4, 1e-5, 1e-7, 5e-324, 100_000.5, 123_456.789, 999_999.5, 1_234_567.89, 1e6, 1e21, 1e22, 1.7e308, 2 ** 31 - 1, 2 ** 31,
  -(2 ** 31) - 1, 2 ** 53, 2 ** 62, 2 ** 63, 2 ** 64,
] as const;
// biome-ignore format: likewise
const keys = ['', 'a', 'name', 'key', 'value', 'x-a', 'a b', 'a.b', 'a[0]', 'a"b', 'a\\b', 'a\nb', 'é', '🙂', 'constructor', 'toString', '__proto__'] as const;

/** Changes of one place to anything at all, the same for the same seed. */
export function randomMutations(schema: Schema, base: JsonObject, seed: number, count: number): readonly Mutation[] {
  const random = createRandom(seed);
  const [first, ...others] = placesIn(schema, base);
  if (first === undefined) return [];
  return Array.from({ length: count }, (_, index) => {
    const { field, schema: limits, value, set } = random.pick([first, ...others]);
    return { says: `change ${index} of seed ${seed}, at ${field}`, set: set(changed(random, limits, value)) };
  });
}

function changed(random: Random, schema: Schema, value: unknown): unknown {
  if (random.chance(0.3)) return anything(random);
  if (schema.type === 'string') return text(random);
  if (schema.type === 'integer') return random.pick(numbers);
  if (Array.isArray(value)) return [...value, random.chance(0.5) ? value[0] : anything(random)];
  return isJsonObject(value) ? { ...value, [random.pick(keys)]: anything(random) } : anything(random);
}

function text(random: Random): string {
  const some = Array.from({ length: random.integer(0, 3) }, () => random.pick(words)).join(random.pick(['', ' ', '.']));
  return some.repeat(random.chance(0.05) ? random.integer(40, 300) : 1);
}

function anything(random: Random, depth = 0): unknown {
  const kind = random.integer(0, depth > 2 ? 2 : 4);
  if (kind === 0) return text(random);
  if (kind === 1) return random.pick(numbers);
  if (kind === 2) return random.pick([true, false, null]);
  const some = Array.from({ length: random.integer(0, 3) }, () => anything(random, depth + 1));
  return kind === 3 ? some : Object.fromEntries(some.map((inner) => [random.pick(keys), inner]));
}
