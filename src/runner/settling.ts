import { type Envelope, messageFor, type Progress } from '../api/event.ts';
import type { Message } from '../api/message.ts';
import { type BrokerNames, routingKeys } from '../api/names.ts';
import type { Decision, EventRecord } from '../api/record.ts';
import { BrokerError, type Channel, type Delivery, type PublishOutcome } from '../broker/port.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import type { Claim } from './claim.ts';
import { deadLetterHeaders } from './dead-letter.ts';
import { type Destination, destinationOf, type Settlement } from './settle.ts';

/** Waits between tries of a settling publish. */
const PUBLISH_RETRY_MS = [250, 500, 1000, 2000, 5000, 10_000];

/** How long a publish may go without a confirm. */
const CONFIRM_MS = 30_000;

/** The delivery's channel is gone: the broker has taken the delivery back. */
export class DeliveryLost extends Error {}

/** What settling one delivery needs. */
export interface SettlingPorts {
  readonly delivery: Delivery;
  readonly envelope: Envelope;
  readonly claim: Claim | undefined;
  readonly names: BrokerNames;
  readonly clock: Clock;
  readonly retentionMs: number;
  /** A channel for publishing, apart from the delivery's own: a publish that fails does not take the delivery along. */
  readonly publishing: () => Promise<Channel>;
  /** Acknowledges the delivery on the channel that it came by. Throws `DeliveryLost`. */
  readonly acknowledge: () => Promise<void>;
  /** Told when a settling publish is not taken (the reason), and when one is again (`undefined`). */
  readonly onRefused: (reason: string | undefined) => void;
  /** Whether an event that nobody takes back could be run here instead. */
  readonly mayRetake: () => boolean;
  /** The longest that the delivery may be held. */
  readonly hold: AbortSignal;
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

/** A finished event keeps its receipt and nothing else. */
function closed(
  { gen, attempt, fence, startedAt, spent }: EventRecord,
  outcome: 'done' | 'filtered' | 'stale',
  endedAt: number,
): EventRecord {
  const bought = spent === undefined ? {} : { spent };
  return { gen, attempt, fence, phase: 'done', starts: 0, startedAt, outputs: {}, ...bought, result: { outcome, endedAt } };
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
  await claim.conclude(decision.kind === 'dead' ? { ...record, phase: 'dead' } : { ...parked(record), attempt: decision.attempt });
}

async function publishUntilConfirmed(ports: SettlingPorts, destination: Destination, message: Message): Promise<void> {
  let refused = false;
  try {
    for (let tries = 0; ; tries += 1) {
      const outcome = await publishOnce(ports, destination, message);
      if (outcome === 'confirmed') return;
      if (!refused) ports.onRefused(outcome);
      refused = true;
      await pauseBefore(ports, tries);
    }
  } finally {
    if (refused) ports.onRefused(undefined);
  }
}

/** Publishes the same copy again. `false`: the broker does not take it, and the event may as well be run here. */
async function giveBack(destination: Destination, ports: SettlingPorts): Promise<boolean> {
  const copy = copyOf(ports, ports.envelope.progress);
  for (let tries = 0; ; tries += 1) {
    const outcome = await publishOnce(ports, destination, copy);
    if (outcome === 'confirmed') return true;
    await pauseBefore(ports, tries);
    if (outcome !== 'unknown' && destination.to === 'work' && ports.mayRetake()) return false;
  }
}

async function pauseBefore({ clock, hold }: SettlingPorts, tries: number): Promise<void> {
  await sleep(clock, PUBLISH_RETRY_MS[Math.min(tries, PUBLISH_RETRY_MS.length - 1)] ?? 0, hold);
}

/** Publishes once; what the broker would not take, and what nobody knows of, is told apart from what is confirmed. Rejects with the hold signal's reason. */
async function publishOnce(ports: SettlingPorts, destination: Destination, message: Message): Promise<PublishOutcome | 'unknown'> {
  try {
    const channel = await ports.publishing();
    // A queue without a leader, or a broker with an alarm, may never answer. Closed, the channel says that nobody knows.
    const timer = ports.clock.timer(CONFIRM_MS, () => void channel.close());
    const publishing = channel.publish({ ...message, exchange: ports.names.exchange, routingKey: keyOf(destination) });
    return await untilAborted(publishing, ports.hold).finally(() => timer.cancel());
  } catch (error) {
    if (error instanceof BrokerError) return 'unknown';
    throw error;
  }
}

function keyOf(destination: Destination): string {
  return destination.to === 'tier' ? routingKeys.tier(destination.delayMs) : routingKeys[destination.to];
}

function messageOfDecision(decision: Decision, ports: SettlingPorts): Message {
  const { progress, publishedAt } = ports.envelope;
  if (decision.kind === 'retry') {
    const { notBefore, attempt } = decision;
    return copyOf(ports, { gen: progress.gen, attempt, ...(notBefore === undefined ? {} : { notBefore }) });
  }
  // Of a dead letter nothing is known to be admitted: redriven, it is judged by the filter of that day.
  const copy = messageFor(ports.envelope.attributes, ports.delivery, publishedAt ?? ports.clock.now(), {
    gen: progress.gen,
    attempt: progress.attempt,
  });
  return { ...copy, headers: { ...copy.headers, ...deadLetterHeaders(decision, publishedAt) } };
}

/** The event once more, with the closed list of properties, and admitted. */
function copyOf({ delivery, envelope, clock }: SettlingPorts, progress: Progress): Message {
  return messageFor(envelope.attributes, delivery, envelope.publishedAt ?? clock.now(), { ...progress, admitted: true });
}
