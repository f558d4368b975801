import { deadLetterHeaders } from '../api/dead-letter.ts';
import { type Envelope, messageFor, type Progress } from '../api/event.ts';
import type { Message } from '../api/message.ts';
import { WAIT_MS } from '../api/names.ts';
import type { Decision, EventRecord } from '../api/record.ts';
import type { Delivery } from '../broker/port.ts';
import { follow } from '../lib/follow.ts';
import { type PublishPorts, publishUntilConfirmed } from './persistent-publish.ts';
import { type Destination, destinationOf, type Settlement } from './settle.ts';

/** The delivery's channel is gone: the broker has taken the delivery back. */
export class DeliveryLost extends Error {}

/** What settling one delivery needs. */
export interface SettlingPorts extends PublishPorts {
  readonly delivery: Delivery;
  readonly envelope: Envelope;
  readonly retentionMs: number;
  /** Acknowledges the delivery on the channel that it came by. Throws `DeliveryLost`. */
  readonly acknowledge: () => Promise<void>;
  /** Aborted when the channel that it came by is gone, and the delivery with it. */
  readonly deliveryEnded: AbortSignal;
  /** Asked where the broker does not take an event back: may the delivery be looked at anew here instead? If so, the time that it may be held begins anew. */
  readonly retake: () => boolean;
}

/** Carries out a settlement. `retake`: the delivery is to be looked at anew. Throws `DeliveryLost`, `Fenced`, or the hold signal's reason. */
export async function carryOut(settlement: Settlement, ports: SettlingPorts): Promise<'settled' | 'retake'> {
  const { claim } = ports;
  switch (settlement.do) {
    case 'ack':
      if (claim !== undefined && settlement.as !== 'duplicate') {
        await claim.conclude(closed(claim.record, settlement.as, ports.clock.now()), ports.retentionMs);
      }
      await ports.acknowledge();
      return 'settled';
    case 'decide':
      await decide(settlement.decision, ports);
      await ports.acknowledge();
      return 'settled';
    case 'return':
      if (claim !== undefined) await claim.conclude(parked(claim.record));
      if (!(await giveBack(settlement.destination, ports))) return 'retake';
      await ports.acknowledge();
      return 'settled';
    case 'leave':
      if (claim !== undefined) await claim.conclude(parked(claim.record));
      return 'settled';
    case 'retake':
      claim?.release();
      return 'retake';
    default:
      return settlement satisfies never;
  }
}

/** A finished event keeps what its receipt is made of and nothing else. */
function closed(
  { gen, attempt, fence, event, startedAt, spent, freshStarts }: EventRecord,
  outcome: 'done' | 'filtered' | 'stale' | 'expired',
  endedAt: number,
): EventRecord {
  const kept = {
    ...(event === undefined ? {} : { event }),
    ...(spent === undefined ? {} : { spent }),
    ...(freshStarts === undefined ? {} : { freshStarts }),
  };
  return { gen, attempt, fence, phase: 'done', starts: 0, startedAt, outputs: {}, ...kept, result: { outcome, endedAt } };
}

function parked(record: EventRecord): EventRecord {
  return { ...record, phase: 'parked', starts: 0 };
}

/** Decision written, publish confirmed, mark written: after a crash anywhere in between the next taker goes on from what is written. */
async function decide(decision: Decision, ports: SettlingPorts): Promise<void> {
  const { claim } = ports;
  if (claim !== undefined && claim.record.phase !== 'decided') await claim.checkpoint({ phase: 'decided', decision });
  await publishUntilConfirmed(ports, destinationOf(decision), messageOfDecision(decision, ports));
  if (claim === undefined) return;
  const { decision: _made, ...record } = claim.record;
  if (decision.kind === 'retry') await claim.conclude({ ...parked(record), attempt: decision.attempt });
  else await claim.conclude({ ...record, phase: 'dead', result: { outcome: 'dead', reason: decision.reason, endedAt: decision.at } });
}

/** Publishes the same copy again. `false`: the broker does not take it, and the delivery is to be looked at anew instead. Throws `DeliveryLost` where the broker has taken it back itself meanwhile. */
async function giveBack(destination: Destination, ports: SettlingPorts): Promise<boolean> {
  // What the wait queue does not take waits here for as long as it would have there.
  const earliest = ports.clock.now() + (destination.to === 'work' ? 0 : WAIT_MS);
  const instead = () => ports.clock.now() >= earliest && ports.retake();
  const { hold, deliveryEnded } = ports;
  const end = new AbortController();
  const unfollow = [hold, deliveryEnded].map((signal) => follow(signal, end));
  try {
    const copy = copyOf(ports, ports.envelope.progress);
    return (await publishUntilConfirmed({ ...ports, hold: end.signal }, destination, copy, instead)) === 'confirmed';
  } catch (error) {
    throw deliveryEnded.aborted && !hold.aborted ? new DeliveryLost('the channel is gone', { cause: error }) : error;
  } finally {
    for (const forget of unfollow) forget();
  }
}

function messageOfDecision(decision: Decision, ports: SettlingPorts): Message {
  const { progress, publishedAt } = ports.envelope;
  if (decision.kind === 'retry') {
    const { notBefore, attempt } = decision;
    // Only an event that was let through has been run; whoever repeats this publish may have another filter.
    return copyOf(ports, { ...lasting(progress), attempt, admitted: true, ...(notBefore === undefined ? {} : { notBefore }) });
  }
  // Of a dead letter nothing is known to be admitted: redriven, it is judged by the filter of that day.
  const copy = messageFor(ports.envelope.attributes, ports.delivery, publishedAt ?? ports.clock.now(), {
    ...lasting(progress),
    attempt: progress.attempt,
  });
  return { ...copy, headers: { ...copy.headers, ...deadLetterHeaders(decision, publishedAt) } };
}

/** What stays with an event from attempt to attempt, and in the dead-letter queue. */
function lasting({ gen, key, tick, expiresAt }: Progress): Omit<Progress, 'attempt'> {
  return {
    gen,
    ...(key === undefined ? {} : { key }),
    ...(tick === undefined ? {} : { tick }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** The event once more, with the closed list of properties. */
function copyOf({ delivery, envelope, clock }: SettlingPorts, progress: Progress): Message {
  return messageFor(envelope.attributes, delivery, envelope.publishedAt ?? clock.now(), progress);
}
