import { type Clock, systemClock } from '../lib/clock.ts';

/** A clock for durations: `now` counts from the start of this process, and nobody sets it back or forth. While the process is frozen it goes on. */
export const steadyClock: Clock = { now: () => performance.now(), timer: systemClock.timer };
