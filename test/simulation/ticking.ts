import type { TickConfiguration } from '../../src/api/tick-configuration.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Termination } from '../../src/lib/termination.ts';
import { slotJobName } from '../../src/schedule/slot.ts';
import { publishOnce } from '../../src/tick/publish-once.ts';
import { runTick, type TickEnd } from '../../src/tick/run-tick.ts';
import { tickOf } from '../../src/tick/tick-event.ts';
import { type Fate, Incarnation } from './incarnation.ts';
import { NAME } from './name.ts';
import type { World } from './world.ts';

/** The Job of one slot: its pods, one after the other, until one ends. */
export interface SimulatedTick {
  readonly eventId: string;
  /** How the Job ended; missing while it has not. */
  end?: TickEnd;
  /** What it ended with where that was no end of a run. */
  error?: unknown;
  deaths: number;
}

let fences = 0;

/** Starts the Job of a slot. A pod that dies, or gives up on broker or store, is followed by another one. */
export function startTick(
  world: World,
  configuration: TickConfiguration,
  slot: number,
  fateFor: () => Fate,
  restartMs: () => number,
): SimulatedTick {
  const job = { name: slotJobName(configuration.cronJob, slot), uid: `job-${slot}` };
  const { eventId, key } = tickOf(configuration, job, slot);
  world.expect(eventId, key.event);
  const tick: SimulatedTick = { eventId, deaths: 0 };
  const pod = () => {
    const connection = world.broker.connect();
    const again = () => {
      void connection.close();
      world.clock.timer(restartMs(), pod);
    };
    const incarnation = new Incarnation(
      world.clock,
      fateFor(),
      () => {
        tick.deaths += 1;
        again();
      },
      () => {},
    );
    const publish = publishOnce(incarnation.connection(connection), incarnation.clock);
    const ports = {
      // The simulation knows events by an extension that everybody passes on.
      publish: (publication: Parameters<typeof publish>[0], signal: AbortSignal) =>
        publish({ ...publication, headers: { ...publication.headers, [`ce-${NAME}`]: eventId } }, signal),
      store: incarnation.store(world.store),
      clock: incarnation.clock,
      log: silentLog,
      newFence: () => `tick-${++fences}`,
      random: () => 0.5,
    };
    runTick(configuration, job, ports, new AbortController().signal).then(
      (end) => {
        tick.end = end;
        void connection.close();
      },
      (error: unknown) => {
        if (error instanceof Termination) again();
        else tick.error = error;
      },
    );
  };
  pod();
  return tick;
}
