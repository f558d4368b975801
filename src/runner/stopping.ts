import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** How often a runner that is stopping says what it waits for. */
const PERIOD_MS = 10_000;

/** What a runner that is stopping has to tell. */
export interface Stopping {
  readonly clock: Clock;
  readonly log: Log;
  /** How many events are in hand. */
  readonly underWay: () => number;
  readonly storeAnswers: () => boolean;
}

/** Says that a runner stops, and again and again what it waits for, until the function that comes back is called: nobody should have to guess why a process does not end. */
export function tellStopping({ clock, log, underWay, storeAnswers }: Stopping): () => void {
  log.info('stopping', { underWay: underWay() });
  let timer: Timer;
  const again = () => {
    const waitsFor = storeAnswers() ? 'the steps under way' : 'the store, which cannot be used';
    log.warn('still stopping', { underWay: underWay(), waitsFor });
    timer = clock.timer(PERIOD_MS, again);
  };
  timer = clock.timer(PERIOD_MS, again);
  return () => timer.cancel();
}
