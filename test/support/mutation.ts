/** A change to a valid EventAgent or AgentSchedule; `undefined` removes the field. */
export interface Mutation {
  /** What it tries, as a sentence about the object. */
  readonly says: string;
  /** New values by path, list indices as numbers between dots. */
  readonly set: Readonly<Record<string, unknown>>;
}

/** A copy of an object with some values set. */
export function mutated(object: Record<string, unknown>, set: Mutation['set']): Record<string, unknown> {
  const copy = structuredClone(object);
  for (const [path, value] of Object.entries(set)) {
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    let parent: Record<string, unknown> = copy;
    for (const step of steps) parent = parent[step] as Record<string, unknown>;
    if (value === undefined) delete parent[last];
    else parent[last] = structuredClone(value);
  }
  return copy;
}

/** A mutation of one path by each of several values. */
export function tries(says: string, path: string, ...values: readonly unknown[]): readonly Mutation[] {
  return values.map((value) => {
    const text = JSON.stringify(value) ?? 'absent';
    const { length } = [...text];
    return { says: `${says}: ${length <= 60 ? text : `${[...text].slice(0, 60).join('')}… (${length})`}`, set: { [path]: value } };
  });
}
