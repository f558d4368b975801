import type { Pause } from '../store/port.ts';

/** How long of the time from `since` to `now` the agent was not paused. Pauses may overlap and reach beyond either end. */
export function unpausedMs(since: number, now: number, pauses: readonly Pause[]): number {
  const ordered = [...pauses].sort((a, b) => a.from - b.from);
  let counted = 0;
  let at = since;
  for (const pause of ordered) {
    counted += Math.max(0, Math.min(pause.from, now) - at);
    at = Math.max(at, Math.min(pause.until, now));
  }
  return counted + Math.max(0, now - at);
}
