import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.ts';

/**
 * How old a value may be when it is used. A request thus reads no file, and a rotated Secret is seen a second after the kubelet has swapped its files:
 * the kubelet itself takes up to its sync period for that (https://kubernetes.io/docs/concepts/configuration/secret/#mounted-secrets-are-updated-automatically).
 */
const MAX_AGE_MS = 1_000;

/** Names of Secrets and their keys, as Kubernetes allows them. The kubelet's own links begin with two dots. */
const NAME = /^(?!\.\.)[-._a-zA-Z0-9]{1,253}$/;

/**
 * Reads Secrets that the kubelet has mounted as `<folder>/<name of the Secret>/<key>`, and follows when it swaps them. Holds one value per key that was asked for.
 * The function that comes back gives a value exactly as it is in the Secret, or `undefined` where it cannot be read: no such Secret or key, no permission, or not UTF-8.
 * It throws nothing and may be called on every use.
 */
export function mountedSecrets(folder: string, clock: Clock): (ref: { readonly name: string; readonly key: string }) => string | undefined {
  const known = new Map<string, { readonly value: string | undefined; readonly readAt: number }>();
  return ({ name, key }) => {
    if (!NAME.test(name) || name === '.' || !NAME.test(key) || key === '.') return undefined;
    const path = join(folder, name, key);
    const now = clock.now();
    const entry = known.get(path);
    // A clock that was set back must not keep a value for longer.
    if (entry !== undefined && Math.abs(now - entry.readAt) < MAX_AGE_MS) return entry.value;
    // While its files are swapped, a path that was resolved a moment ago can be gone: what could be read before is looked for twice.
    const value = readValue(path) ?? (entry?.value === undefined ? undefined : readValue(path));
    known.set(path, { value, readAt: now });
    return value;
  };
}

function readValue(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  } catch {
    return undefined;
  }
}
