import { type DeadLetter, deadLetterOf, recordKeyOf } from '../api/dead-letter.ts';
import { sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import { RecordError } from '../store/port.ts';
import type { RunnerPorts } from './ports.ts';
import type { Program } from './program.ts';

/** How often one of an agent's runners looks. Each look counts against the delivery limit of the queue, which is a million. */
const LOOK_MS = 3_600_000;

/** A little less than that, so that whoever looks first looks for all, hour after hour. */
const LEASE_MS = LOOK_MS - 300_000;
const LEASE = 'dead-letters';

/** What is not deleted stays in hand until the look is over: no more than this, and no more than these bytes. */
const MOST_IN_HAND = 1000;
const MOST_BYTES_IN_HAND = 16 * 1_048_576;

/** What the retention of dead letters needs. */
export type RetentionPorts = Pick<RunnerPorts, 'connection' | 'store' | 'clock' | 'log' | 'metrics'>;

/**
 * Deletes the agent's dead letters that are older than `retentionMs`, once an hour, by whichever of its runners takes the lease for that; until the signal is aborted. Never rejects.
 * A TTL of the queue would do it without a trace, and with records left behind.
 */
export async function keepRetention(program: Program, retentionMs: number, ports: RetentionPorts, stop: AbortSignal): Promise<void> {
  const { store, clock, log, metrics } = ports;
  const { agent } = program.configuration;
  const labels = { namespace: agent.namespace, agent: agent.name };
  const onExpired = () => metrics.add('eventagent_dead_letters_expired_total', labels);
  while (!stop.aborted) {
    try {
      // While the store cannot be trusted, nothing is deleted.
      await store.ping();
      const { taken } = await store.lease(agent, LEASE, LEASE_MS);
      if (taken) {
        const deleted = await expireDeadLetters(program, retentionMs, ports, onExpired, stop);
        if (deleted > 0)
          log.info('dead letters were older than their retention, and were deleted', { deleted, retentionDays: retentionMs / 86_400_000 });
      }
    } catch (error) {
      if (!stop.aborted)
        log.warn('dead letters could not be looked through for old ones; it is tried again in an hour', { error: messageOf(error) });
    }
    await sleep(clock, LOOK_MS, stop).catch(() => {});
  }
}

/**
 * Deletes from the head of the queue what is too old, up to the first that is young and that nobody has looked at before: what lies behind that is younger still. A letter that somebody has
 * looked at, and given back, comes before all others, behind those that were given back earlier (RabbitMQ 3.10, 4.0 and 4.3): so those are passed, as many as may be held, and the next look
 * goes on behind them.
 */
async function expireDeadLetters(
  program: Program,
  retentionMs: number,
  ports: RetentionPorts,
  onExpired: () => void,
  stop: AbortSignal,
): Promise<number> {
  const { connection, clock } = ports;
  const channel = await connection.openChannel({ prefetch: 1 }, stop);
  let deleted = 0;
  let inHand = 0;
  let bytesInHand = 0;
  try {
    while (!stop.aborted && inHand < MOST_IN_HAND && bytesInHand < MOST_BYTES_IN_HAND) {
      const letter = await untilAborted(channel.get(program.names.dead), stop);
      if (letter === undefined) return deleted;
      const known = deadLetterOf(letter, program.names);
      const { deadAt } = known;
      const isOld = deadAt !== undefined && deadAt + retentionMs <= clock.now();
      if (isOld && (await forgotten(known, program, ports))) {
        channel.ack(letter);
        onExpired();
        deleted += 1;
        continue;
      }
      if (deadAt !== undefined && !isOld && !letter.redelivered) return deleted;
      inHand += 1;
      bytesInHand += letter.body.length;
    }
    return deleted;
  } finally {
    await channel.close();
  }
}

/**
 * Lets be forgotten what is known of a dead letter's event, as late as of any other that has ended: a copy of it may still be on its way. `false` where that has changed at this moment, or cannot
 * be read. What is known of an event that was run again since, or is being settled, stays.
 */
async function forgotten(letter: DeadLetter, program: Program, { store, log }: RetentionPorts): Promise<boolean> {
  const event = recordKeyOf(letter);
  if (event === undefined) return true;
  const { agent, idempotency } = program.configuration;
  const key = { agent, event };
  try {
    const { stored } = await store.read(key);
    const result = stored?.record.phase === 'dead' ? stored.record.result : undefined;
    if (stored === undefined || result?.endedAt !== letter.deadAt) return true;
    return (await store.expire(key, stored.version, idempotency.retentionMs)).expires;
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    const { id } = letter.envelope.attributes;
    log.warn('a dead letter is older than its retention, and stays: its record cannot be read', { eventId: id, error: messageOf(error) });
    return false;
  }
}
