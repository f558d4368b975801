import { widestTypes } from './widest-types.ts';

/** An agent that takes events of its namespace by their type. */
export interface Subscriber {
  readonly name: string;
  /** The broker whose event exchange it is bound to. */
  readonly broker: string;
  /** Topic patterns over the words between dots: `*` stands for one word, `#` for any number of them. */
  readonly patterns: readonly string[];
}

/** How many agents one event type reaches. */
export interface Reach {
  /** The type; a `*` in it stands for any word that no pattern names. */
  readonly type: string;
  readonly count: number;
  /** The first of the agents by name, at most `NAMED`. */
  readonly agents: readonly string[];
}

/** How far the events of a namespace spread. */
export interface FanOut {
  /** The largest number of agents that one event type reaches; 0 where no agent takes events by type. */
  readonly widest: number;
  /** Of each agent that is reached by a type which reaches more than the limit: the widest such type. */
  readonly wide: ReadonlyMap<string, Reach>;
  /** `false`: the patterns are too much entangled for all types to be looked at; every number is that of a real type, and there may be a wider one. */
  readonly isExact: boolean;
}

/** So many agents are named. */
const NAMED = 5;

/** What a namespace may cost: a tenth of a second or two. A thousand agents of one or two types each need a hundredth of that. */
const MOST_STEPS = 500_000;

/**
 * How far the events of a namespace spread, where more than `above` agents are too many. Pure.
 *
 * An event type is any routing key of at least one word and at most 255 bytes, whether or not somebody publishes it. It reaches an agent if one of the agent's patterns
 * matches it on the event exchange of the agent's broker. So one agent on `#` beside twenty agents with a type each makes 2 and not 21, and `a.*` and `*.b` make 2 by the
 * type `a.b`, which neither of them names.
 */
export function fanOutOf(subscribers: readonly Subscriber[], above: number, mostSteps = MOST_STEPS): FanOut {
  const byBroker = Map.groupBy(
    subscribers.filter(({ patterns }) => patterns.length > 0),
    ({ broker }) => broker,
  );
  const all = [...byBroker.values()].map((ofOne) => onOneBroker(ofOne, above, mostSteps));
  return {
    widest: Math.max(0, ...all.map(({ widest }) => widest)),
    wide: new Map(all.flatMap(({ wide }) => [...wide])),
    isExact: all.every(({ isExact }) => isExact),
  };
}

function onOneBroker(subscribers: readonly Subscriber[], above: number, mostSteps: number): FanOut {
  const groups = groupsOf(subscribers);
  const { widest, ofGroup, isExact } = widestTypes(groups, above, mostSteps);
  const reaches = new Map<object, Reach>();
  const wide = [...ofGroup].flatMap(([group, found]) => {
    // The groups of one type share its list.
    const reach = reaches.get(found.groups) ?? {
      type: found.type,
      count: found.count,
      agents: inOrder(found.groups.flatMap((one) => groups[one]?.names.slice(0, NAMED) ?? [])).slice(0, NAMED),
    };
    reaches.set(found.groups, reach);
    return (groups[group]?.names ?? []).map((name) => [name, reach] as const);
  });
  return { widest, wide: new Map(wide), isExact };
}

/** Agents with the same patterns are one. */
function groupsOf(subscribers: readonly Subscriber[]) {
  const named = inOrder(subscribers, ({ name }) => name);
  const groups = Map.groupBy(
    named.map(({ name, patterns }) => ({ name, patterns: inOrder([...new Set(patterns)]) })),
    // No pattern holds a space.
    ({ patterns }) => patterns.join(' '),
  );
  return [...groups.values()].map((agents) => ({
    patterns: agents[0]?.patterns ?? [],
    weight: agents.length,
    names: agents.map(({ name }) => name),
  }));
}

function inOrder(texts: readonly string[]): readonly string[];
function inOrder<T>(items: readonly T[], textOf: (item: T) => string): readonly T[];
function inOrder<T>(items: readonly T[], textOf: (item: T) => string = String): readonly T[] {
  return items.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}
