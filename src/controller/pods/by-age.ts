import type { CachedPod } from '../operator.ts';

/** Orders pods, the older first. Pure. */
export function byAge(a: CachedPod, b: CachedPod): number {
  const [first = '', second = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return first < second ? -1 : first > second ? 1 : 0;
}
