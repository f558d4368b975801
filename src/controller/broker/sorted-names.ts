/** A set of names that is asked for those that begin alike. Owned by whoever made it. */
export class SortedNames {
  readonly #names: string[];

  /** Of any order, each once. */
  constructor(names: Iterable<string> = []) {
    this.#names = [...names].sort(compare);
  }

  /** Adds a name, unless it is there. */
  add(name: string): void {
    const at = this.#firstFrom(name);
    if (this.#names[at] !== name) this.#names.splice(at, 0, name);
  }

  /** Takes a name away, if it is there. */
  delete(name: string): void {
    const at = this.#firstFrom(name);
    if (this.#names[at] === name) this.#names.splice(at, 1);
  }

  /** The names that begin so, in order. */
  startingWith(prefix: string): readonly string[] {
    const from = this.#firstFrom(prefix);
    let until = from;
    while (this.#names[until]?.startsWith(prefix)) until += 1;
    return this.#names.slice(from, until);
  }

  /** Index of the first name that is not before this one. */
  #firstFrom(name: string): number {
    let [low, high] = [0, this.#names.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#names[middle] ?? '', name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** By code units, as `startsWith` sees them. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
