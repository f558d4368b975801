/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value of JSON is an object, neither null nor a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether the object itself has the key; a key such as `constructor` is a key like any other. */
export function hasOwn(value: JsonObject, key: string): boolean {
  return Object.hasOwn(value, key);
}
