import type { Message } from '../api/message.ts';
import { type BrokerNames, routingKeys } from '../api/names.ts';
import { BrokerError, type Channel, type PublishOutcome } from '../broker/port.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { follow } from '../lib/follow.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import { type Claim, Fenced } from './claim.ts';
import type { Destination } from './settle.ts';

/** Waits between tries. */
const RETRY_MS = [250, 500, 1000, 2000, 5000, 10_000];

/** How long a publish may go without a confirm. */
const CONFIRM_MS = 30_000;

/** What publishing needs until it is confirmed. */
export interface PublishPorts {
  readonly names: BrokerNames;
  readonly clock: Clock;
  /** The right to settle the event, where it was taken. */
  readonly claim: Claim | undefined;
  /** A channel for publishing, apart from the delivery's own: a publish that fails does not take the delivery along. */
  readonly publishing: () => Promise<Channel>;
  /** Told when a publish is not taken (the reason), and when that is over (`undefined`). */
  readonly onRefused: (reason: string | undefined) => void;
  /** Told at the same time: from now on nothing but this publish is waited for. */
  readonly onStuck: () => void;
  /** Aborted when the delivery may be held no longer. */
  readonly hold: AbortSignal;
}

/**
 * Publishes a copy of the event on the agent's exchange, again and again until the broker has confirmed it, and says so while it does not. `instead` is asked after each try that the
 * broker has refused, once the pause behind it is over: `true` ends it without a confirm. Begins no try once another taker has the event. Rejects with `Fenced`, or with the reason of `hold`.
 */
export async function publishUntilConfirmed(
  ports: PublishPorts,
  destination: Destination,
  message: Message,
  instead: () => boolean = () => false,
): Promise<'confirmed' | 'instead'> {
  const { claim, clock, hold } = ports;
  const end = new AbortController();
  const unfollow = [hold, ...(claim === undefined ? [] : [claim.lost])].map((signal) => follow(signal, end));
  let isRefused = false;
  try {
    for (let tries = 0; ; tries += 1) {
      end.signal.throwIfAborted();
      const outcome = await publishOnce(ports, destination, message, end.signal);
      if (outcome === 'confirmed') return 'confirmed';
      if (!isRefused) {
        isRefused = true;
        ports.onRefused(outcome);
        ports.onStuck();
      }
      await sleep(clock, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] ?? 0, end.signal);
      // What nobody knows of may have been taken: then there is a copy already.
      if (outcome !== 'unknown' && instead()) return 'instead';
    }
  } catch (error) {
    throw claim?.lost.aborted && !hold.aborted ? new Fenced() : error;
  } finally {
    for (const forget of unfollow) forget();
    if (isRefused) ports.onRefused(undefined);
  }
}

/** Publishes once; what the broker would not take, and what nobody knows of, is told apart from what is confirmed. Rejects with the signal's reason. */
async function publishOnce(
  { names, clock, publishing: publishingChannel }: PublishPorts,
  destination: Destination,
  message: Message,
  signal: AbortSignal,
): Promise<PublishOutcome | 'unknown'> {
  try {
    const channel = await untilAborted(publishingChannel(), signal);
    // A queue without a leader, or a broker with an alarm, may never answer. Closed, the channel says that nobody knows.
    const timer = clock.timer(CONFIRM_MS, () => void channel.close());
    const publishing = channel.publish({ ...message, exchange: names.exchange, routingKey: keyOf(destination) });
    const outcome = await untilAborted(publishing, signal).finally(() => timer.cancel());
    // A RabbitMQ 3.10 that has refused a channel goes on refusing it although the limit was raised or taken away; a new channel asks anew.
    if (outcome === 'refused') await untilAborted(channel.close(), signal);
    return outcome;
  } catch (error) {
    if (error instanceof BrokerError) return 'unknown';
    throw error;
  }
}

function keyOf(destination: Destination): string {
  return destination.to === 'tier' ? routingKeys.tier(destination.delayMs) : routingKeys[destination.to];
}
