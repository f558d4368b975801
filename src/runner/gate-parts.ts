import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/port.ts';
import type { Intake } from './intake.ts';

/** What everything needs that replicas decide together, and that closes the intake of each. */
export interface GateParts {
  readonly store: Pick<Store, 'readCell' | 'replaceCell'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly intake: Intake;
  /** Notes a time, in milliseconds since the epoch, that does not count against events. */
  readonly notePause: (fromMs: number, untilMs: number) => void;
}
