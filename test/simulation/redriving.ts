import type { RedriveCounts } from '../../src/api/redrive-progress.ts';
import type { Delivery } from '../../src/broker/port.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { CodedError } from '../../src/lib/errors.ts';
import { storedJournal } from '../../src/redrive/journal.ts';
import { redrive } from '../../src/redrive/redrive.ts';
import { type Fate, Incarnation } from './incarnation.ts';
import { nameOf } from './name.ts';
import type { World } from './world.ts';

/**
 * Runs the dead letters of a world again, by processes that die by their fates and go on where the one before was, until one has come to its end: then `ended` has its counts. `name`
 * is that of its journal.
 */
export function startRedrive(
  world: World,
  name: string,
  fateFor: () => Fate,
  restartMs: () => number,
): { ended(): RedriveCounts | undefined } {
  let ended: RedriveCounts | undefined;
  const again = () => void world.clock.timer(restartMs(), begin);
  const begin = () => {
    const connection = world.broker.connect();
    const incarnation = new Incarnation(
      world.clock,
      { ...fateFor(), acknowledging: (delivery) => checkAck(world, delivery) },
      () => {
        void connection.close();
        again();
      },
      () => {},
    );
    const store = incarnation.store(world.store);
    const { clock } = incarnation;
    const { agent } = world.configuration;
    redrive(
      { agent, names: world.names, isMeant: () => true, dryRun: false, intervalMs: 500 },
      {
        connection: incarnation.connection(connection),
        store,
        clock,
        connect: () => abortedAfter(clock, 60_000),
        onProgress: () => {},
        journal: storedJournal(store, agent, name),
      },
    ).then(
      (counts) => {
        ended = counts;
        void connection.close();
      },
      (error: unknown) => {
        // Broker or store are away, or a route is: its Job starts another process. What nobody foresaw fails the test.
        if (!(error instanceof CodedError)) throw error;
        incarnation.die();
      },
    );
  };
  begin();
  return { ended: () => ended };
}

/** A dead letter that is acknowledged is elsewhere, or its event is past it. */
function checkAck(world: World, { headers }: Delivery): void {
  const id = nameOf(headers);
  const record = world.records.get(id);
  const gen = Number(headers['ea-gen'] ?? 0);
  const isPast = record !== undefined && (record.gen > gen || (record.gen === gen && record.phase === 'done'));
  if (!isPast && world.copiesOf(id).length < 2) world.badAcks.push(`dead letter ${id} of gen ${gen} acknowledged, and no other copy`);
}

/** A signal that is aborted after so long. */
function abortedAfter(clock: Clock, ms: number): AbortSignal {
  const abort = new AbortController();
  clock.timer(ms, () => abort.abort(new Error('too late')));
  return abort.signal;
}
