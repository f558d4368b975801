/**
 * The same JSON with each object as a Map. cel-js takes an object's own key "constructor" for its class and fails; a Map is read by its keys alone.
 */
export function withMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMaps);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, inner]) => [key, withMaps(inner)]));
}
