/** A set of topic patterns that is had by `weight` agents, which every type therefore reaches together or not at all. */
export interface PatternGroup {
  readonly patterns: readonly string[];
  readonly weight: number;
}

/** A type, and the groups that it reaches, by their index. */
export interface ReachingType {
  readonly type: string;
  readonly groups: readonly number[];
  /** The sum of their weights. */
  readonly count: number;
}

/** What was found out about a list of groups. */
export interface WidestTypes {
  /** The largest weight that one type reaches. */
  readonly widest: number;
  /** Of each group that a type reaches together with more weight than is allowed: the type that reaches the most. */
  readonly ofGroup: ReadonlyMap<number, ReachingType>;
  /** Whether every type was looked at. If not, there may be one that reaches more. */
  readonly isExact: boolean;
}

/** Stands in a type for every word that no pattern names. */
const OTHER_WORD = '*';

/** Longer types cannot be routed: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, §4.2.5.3. */
const MOST_BYTES = 255;

/** What every next word can match alike: by a `*` or a `#`. */
interface AnyWord {
  readonly places: readonly number[];
  readonly groups: readonly number[];
  readonly weight: number;
  /** The least that is known of these groups; grows. */
  floor: number;
}

/** A type so far, and what could still match it. */
interface Prefix {
  readonly word: string;
  readonly bytes: number;
  readonly parent: Prefix | undefined;
  readonly any: AnyWord;
  /** Places behind the word itself, and the groups that these add to those of `any`. */
  readonly places: readonly number[];
  readonly groups: readonly number[];
}

/**
 * The types of at least one word that reach the most. Types are made word by word; those that could reach the most are gone on with first, and none that cannot reach more
 * than is allowed and than is known already. Where few patterns overlap that takes about as many steps as the patterns have words. In general it is exponential, as the most
 * clauses that can be satisfied together are: after `mostSteps` what was found stands, with that which the patterns match if they are taken for types. Pure.
 */
export function widestTypes(groups: readonly PatternGroup[], above: number, mostSteps: number): WidestTypes {
  const { words, owners, starts } = placesOf(groups);
  /** By group, the most that is known; the first `above` are of no interest. */
  const known = new Int32Array(groups.length).fill(above);
  const found = new Map<number, ReachingType>();
  let widest = 0;
  let steps = 0;
  let isCut = false;

  const marks = new Int32Array(groups.length);
  let mark = 0;
  /** The groups that have the patterns of these places, without those that a question before found, named by its mark. */
  const groupsAt = (places: readonly number[], without = -1): readonly number[] => {
    mark += 1;
    const at: number[] = [];
    for (const place of places) {
      const having = owners[place] ?? [];
      steps += having.length;
      for (const group of having) {
        if (marks[group] === mark || marks[group] === without) continue;
        marks[group] = mark;
        at.push(group);
      }
    }
    return at;
  };
  const weightOf = (some: readonly number[]) => some.reduce((sum, group) => sum + (groups[group]?.weight ?? 0), 0);
  const anyWord = (places: readonly number[]): AnyWord => {
    const at = groupsAt(places);
    return { places, groups: at, weight: weightOf(at), floor: above };
  };
  const floorOf = (some: readonly number[]) => some.reduce((least, group) => Math.min(least, known[group] ?? 0), Number.POSITIVE_INFINITY);

  // By what they could reach at most. What follows a prefix can reach no more: from the highest down, none comes too late.
  const waiting: Prefix[][] = [];
  const offer = (prefix: Prefix) => {
    const most = prefix.any.weight + weightOf(prefix.groups);
    waiting[most] ??= [];
    waiting[most].push(prefix);
  };
  const isOfUse = ({ any, groups: own }: Prefix, most: number): boolean => {
    if (most > widest || floorOf(own) < most) return true;
    if (any.floor < most) {
      any.floor = floorOf(any.groups);
      steps += any.groups.length;
    }
    return any.floor < most;
  };

  const arrive = (prefix: Prefix, places: readonly number[]) => {
    const reached = groupsAt(places.filter((place) => words[place] === undefined));
    const count = weightOf(reached);
    widest = Math.max(widest, count);
    for (const group of reached) {
      if ((known[group] ?? 0) >= count) continue;
      known[group] = count;
      found.set(group, { type: typeOf(prefix), groups: reached, count });
    }
  };

  const goOn = (prefix: Prefix, places: readonly number[]) => {
    const byAny: number[] = [];
    const byWord = new Map<string, number[]>();
    steps += places.length;
    for (const place of places) {
      const word = words[place];
      if (word === '#') byAny.push(place);
      else if (word === OTHER_WORD) byAny.push(place + 1);
      else if (word !== undefined) {
        const next = byWord.get(word) ?? [];
        next.push(place + 1);
        byWord.set(word, next);
      }
    }
    const any = anyWord(byAny);
    const ofAny = mark;
    const next = (word: string, own: readonly number[]) => {
      // Its place in the order, and its weight.
      steps += 4;
      const bytes = prefix.bytes + (prefix.parent === undefined ? 0 : 1) + Buffer.byteLength(word);
      if (bytes > MOST_BYTES) isCut = true;
      else offer({ word, bytes, parent: prefix, any, places: own, groups: groupsAt(own, ofAny) });
    };
    // The last one is taken next: the first word in the order of the alphabet.
    if (byAny.length > 0) next(OTHER_WORD, []);
    for (const [word, own] of [...byWord].sort(([a], [b]) => (a < b ? 1 : -1))) next(word, own);
  };

  /** The same places were reached by other words. */
  const seen = new Set<string>();
  offer({ word: '', bytes: 0, parent: undefined, any: anyWord([]), places: starts, groups: groupsAt(starts) });
  for (let most = waiting.length - 1; most > 0; most -= 1) {
    for (let prefix = waiting[most]?.pop(); prefix !== undefined && steps < mostSteps; prefix = waiting[most]?.pop()) {
      steps += 1;
      if (!isOfUse(prefix, most)) continue;
      const places = closed([...prefix.any.places, ...prefix.places], words);
      steps += places.length;
      if (prefix.parent !== undefined) {
        const key = places.join();
        if (seen.has(key)) continue;
        seen.add(key);
        arrive(prefix, places);
      }
      goOn(prefix, places);
    }
  }
  if (steps < mostSteps) return { widest, ofGroup: found, isExact: !isCut };

  /** Takes a pattern for a type. */
  const follow = (pattern: string) => {
    let places = closed(starts, words);
    let prefix: Prefix = { word: '', bytes: 0, parent: undefined, any: anyWord([]), places: [], groups: [] };
    for (const part of pattern.split('.')) {
      const word = part === '#' ? OTHER_WORD : part;
      prefix = { ...prefix, word, parent: prefix };
      steps += places.length;
      places = closed(
        places.flatMap((place) => {
          const wanted = words[place];
          if (wanted === '#') return [place];
          return wanted === OTHER_WORD || (wanted === word && wanted !== undefined) ? [place + 1] : [];
        }),
        words,
      );
    }
    arrive(prefix, places);
  };
  const heaviest = groups.toSorted((a, b) => b.weight - a.weight).flatMap(({ patterns }) => patterns.slice(0, 1));
  const mostInAll = steps + mostSteps;
  for (const pattern of heaviest) if (steps < mostInAll) follow(pattern);
  return { widest, ofGroup: found, isExact: false };
}

/** The places of all patterns in a row: the word that stands there, `undefined` behind the last one of a pattern, and the groups that have the pattern. */
function placesOf(groups: readonly PatternGroup[]) {
  const groupsWith = new Map<string, number[]>();
  groups.forEach(({ patterns }, group) => {
    for (const pattern of patterns) {
      const having = groupsWith.get(pattern);
      if (having === undefined) groupsWith.set(pattern, [group]);
      else having.push(group);
    }
  });
  const words: (string | undefined)[] = [];
  const owners: (readonly number[])[] = [];
  const starts: number[] = [];
  for (const [pattern, having] of groupsWith) {
    starts.push(words.length);
    for (const word of pattern.split('.')) {
      words.push(word);
      owners.push(having);
    }
    words.push(undefined);
    owners.push(having);
  }
  return { words, owners, starts };
}

/** A `#` may stand for no word: the place behind it is reached, too. Ascending, each once. */
function closed(places: readonly number[], words: readonly (string | undefined)[]): readonly number[] {
  const all = new Set(places);
  for (const place of all) if (words[place] === '#') all.add(place + 1);
  return [...all].sort((a, b) => a - b);
}

function typeOf(prefix: Prefix): string {
  const words: string[] = [];
  for (let at: Prefix | undefined = prefix; at?.parent !== undefined; at = at.parent) words.unshift(at.word);
  return words.join('.');
}
