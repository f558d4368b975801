import { billionthsOf } from './quantity.ts';

/**
 * Whether a field that `desired` states has another value in `live`. What only `live` has is not looked at: defaults, status, what others own. Lists of objects with names are
 * compared by name, and may have further members that others have added; all other lists in their order and length. `false`, `''`, an empty list and an empty map of labels or the like
 * are the same as nothing, since the API server leaves such out, but for the few fields whose absence means `true`. A zero is not: it is best not stated where it is left out.
 */
export function differs(desired: unknown, live: unknown): boolean {
  return difference(desired, live) !== undefined;
}

/** The first field by which they differ, e.g. `spec.template.spec.containers[0].image`; `undefined` where they do not. For log lines and messages. */
export function difference(desired: unknown, live: unknown): string | undefined {
  return compare(desired, live, '', undefined, undefined);
}

/** Maps whose values are quantities: `"1000m"` and `"1"` are the same there, and nowhere else. */
const quantityMaps: ReadonlySet<string> = new Set(['limits', 'requests', 'hard', 'overhead']);
const quantityFields: ReadonlySet<string> = new Set(['sizeLimit', 'divisor']);

/** Maps that the API server leaves out when they are empty. An empty object elsewhere says something: `emptyDir: {}`, `podSelector: {}`. */
const droppedWhenEmpty: ReadonlySet<string> = new Set([
  'labels',
  'annotations',
  'matchLabels',
  'nodeSelector',
  'data',
  'limits',
  'requests',
]);

/** Where nothing is said, pods get a token, may gain privileges, and are told of every Service. */
const trueWhenAbsent: ReadonlySet<string> = new Set(['automountServiceAccountToken', 'allowPrivilegeEscalation', 'enableServiceLinks']);

function compare(desired: unknown, live: unknown, path: string, field: string | undefined, parent: string | undefined): string | undefined {
  if (desired === undefined) return undefined;
  if (desired === null) return live === undefined || live === null ? undefined : path;
  if (Array.isArray(desired)) return compareLists(desired, live, path);
  if (typeof desired === 'object') return compareObjects(desired as Fields, live, path, field);
  if (desired === live) return undefined;
  // The API server leaves out what is false or empty where it can.
  if ((desired === '' || desired === false) && (live === undefined || live === null))
    return field !== undefined && trueWhenAbsent.has(field) ? path : undefined;
  return isQuantity(field, parent) && sameQuantity(desired, live) ? undefined : path;
}

type Fields = Readonly<Record<string, unknown>>;

function compareObjects(desired: Fields, live: unknown, path: string, field: string | undefined): string | undefined {
  const stated = Object.entries(desired).filter(([, value]) => value !== undefined);
  if (stated.length === 0 && (live === undefined || live === null))
    return field !== undefined && droppedWhenEmpty.has(field) ? undefined : path;
  if (typeof live !== 'object' || live === null || Array.isArray(live)) return path;
  for (const [name, value] of stated) {
    const found = compare(value, own(live as Fields, name), joined(path, name), name, field);
    if (found !== undefined) return found;
  }
  return undefined;
}

function compareLists(desired: readonly unknown[], live: unknown, path: string): string | undefined {
  const found: readonly unknown[] | undefined = live === undefined || live === null ? [] : Array.isArray(live) ? live : undefined;
  const names = namesOf(desired);
  if (found !== undefined && names !== undefined && desired.length > 0) return compareByName(desired, found, names, path);
  if (found === undefined || found.length !== desired.length) return path;
  for (const [index, value] of desired.entries()) {
    // JSON knows no `undefined` in a list: it is written as `null`.
    const different = compare(value ?? null, found[index], `${path}[${index}]`, undefined, undefined);
    if (different !== undefined) return different;
  }
  return undefined;
}

/** Lists that Kubernetes merges by `name` when they are applied: containers, variables, volumes, named ports. */
function compareByName(desired: readonly unknown[], live: readonly unknown[], names: readonly string[], path: string): string | undefined {
  const byName = new Map(live.map((item) => [nameOf(item), item]));
  for (const [index, name] of names.entries()) {
    const different = compare(desired[index], byName.get(name), `${path}[${index}]`, undefined, undefined);
    if (different !== undefined) return different;
  }
  return undefined;
}

/** The names of a list's members, where each has one of its own. */
function namesOf(list: readonly unknown[]): readonly string[] | undefined {
  const names = list.map(nameOf);
  const known = names.filter((name) => name !== undefined);
  return known.length === list.length && new Set(known).size === known.length ? known : undefined;
}

function nameOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null || !('name' in item)) return undefined;
  return typeof item.name === 'string' ? item.name : undefined;
}

function isQuantity(field: string | undefined, parent: string | undefined): boolean {
  return (field !== undefined && quantityFields.has(field)) || (parent !== undefined && quantityMaps.has(parent));
}

function sameQuantity(desired: unknown, live: unknown): boolean {
  const value = billionthsOf(desired);
  return value !== undefined && value === billionthsOf(live);
}

function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function joined(path: string, name: string): string {
  if (!/^[A-Za-z_]\w*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}
