import { BrokerError, type Channel, type Delivery } from '../broker/port.ts';
import { sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import { createBell } from './bell.ts';
import type { Connectivity } from './connectivity.ts';
import { Hold } from './hold.ts';
import type { Intake } from './intake.ts';
import { type Agent, lifeOf } from './life.ts';
import { DeliveryLost } from './settling.ts';

/** A pause before a channel is opened again after it, or a life on it, has failed. */
const REOPEN_MS = 500;

/** What slots share beside the agent itself. */
export interface Slots {
  readonly intake: Intake;
  readonly connectivity: Connectivity;
  /** The deliveries that are being lived through. */
  readonly inHand: Set<Delivery>;
  /** Aborted when the runner must be gone, whatever it holds. */
  readonly kill: AbortSignal;
}

/**
 * One place for one event at a time: a channel of its own with a prefetch of one, opened again whenever it is lost.
 * Runs until the agent is stopped and what it holds is settled, or until `kill` is aborted; never rejects.
 */
export async function runSlot(agent: Agent, slots: Slots, index: number): Promise<void> {
  const { clock, log } = agent.ports;
  const { stop } = agent;
  while (!stop.aborted) {
    try {
      await serve(agent, slots, index);
    } catch (error) {
      if (error instanceof BrokerError) slots.connectivity.lost(error.message);
      else log.error('a delivery was given up; the broker delivers it again', { slot: index, error: messageOf(error) });
      if (stop.aborted) return;
      await sleep(clock, REOPEN_MS, stop).catch(() => {});
    }
  }
}

/** Opens a channel and lives on it until it ends. */
async function serve(agent: Agent, slots: Slots, index: number): Promise<void> {
  const { stop } = agent;
  while (!slots.intake.admits(index) && !stop.aborted) await slots.intake.changed(stop);
  if (stop.aborted) return;
  const channel = await agent.ports.connection.openChannel({ prefetch: 1 }, stop);
  const seat = new Seat(agent, slots, index, channel);
  try {
    await seat.serve();
  } finally {
    await seat.close();
  }
}

/** What a slot has while its channel lives. */
class Seat {
  readonly #agent: Agent;
  readonly #slots: Slots;
  readonly #index: number;
  readonly #channel: Channel;
  readonly #inbox: Delivery[] = [];
  /** Rung by a delivery, the end of the channel, a change of the intake, and `stop`. */
  readonly #bell = createBell();
  #consuming = false;
  #publishing: Channel | undefined;

  constructor(agent: Agent, slots: Slots, index: number, channel: Channel) {
    this.#agent = agent;
    this.#slots = slots;
    this.#index = index;
    this.#channel = channel;
  }

  async serve(): Promise<void> {
    const { stop } = this.#agent;
    const { ended } = this.#channel;
    const { ring } = this.#bell;
    const forgetIntake = this.#slots.intake.onChange(ring);
    for (const signal of [stop, ended]) signal.addEventListener('abort', ring, { once: true });
    try {
      await this.#serve(stop);
    } finally {
      this.#ended();
      forgetIntake();
      for (const signal of [stop, ended]) signal.removeEventListener('abort', ring);
    }
  }

  async close(): Promise<void> {
    await this.#publishing?.close();
    await this.#channel.close();
  }

  async #serve(stop: AbortSignal): Promise<void> {
    const { program } = this.#agent;
    const { intake, connectivity, kill } = this.#slots;
    while (!this.#channel.ended.aborted) {
      const delivery = this.#inbox.shift();
      if (delivery !== undefined) {
        await this.#live(delivery);
        continue;
      }
      if (stop.aborted || !intake.admits(this.#index)) {
        if (this.#consuming) await this.#cancel(kill);
        else if (stop.aborted) return;
        else await this.#bell.rung();
        continue;
      }
      if (!this.#consuming) {
        const consuming = this.#channel.consume(program.names.work, (arrived) => {
          this.#inbox.push(arrived);
          this.#bell.ring();
        });
        await untilAborted(consuming, kill);
        this.#consuming = true;
        connectivity.consumes(1);
      }
      await this.#bell.rung();
    }
  }

  async #cancel(limit: AbortSignal): Promise<void> {
    this.#ended();
    await untilAborted(this.#channel.cancel(), limit);
  }

  /** Nothing comes by this channel any more. */
  #ended(): void {
    if (this.#consuming) this.#slots.connectivity.consumes(-1);
    this.#consuming = false;
  }

  async #live(delivery: Delivery): Promise<void> {
    const { runTimeoutMs } = this.#agent.program.configuration.delivery;
    const { intake, inHand, kill } = this.#slots;
    const hold = new Hold(this.#agent.ports.clock, runTimeoutMs, kill);
    inHand.add(delivery);
    try {
      await lifeOf(this.#agent, {
        delivery,
        channel: this.#channel,
        publishing: () => this.#publishingChannel(hold.signal),
        acknowledge: () => this.#acknowledge(delivery, hold.signal),
        // Its own publish is what is not taken: that is no reason not to run it again.
        mayTake: () => intake.admits(this.#index, 'settling') && !this.#agent.stop.aborted,
        hold,
      });
    } finally {
      inHand.delete(delivery);
      hold.close();
    }
  }

  async #publishingChannel(signal: AbortSignal): Promise<Channel> {
    if (this.#publishing === undefined || this.#publishing.ended.aborted) {
      this.#publishing = await this.#agent.ports.connection.openChannel({ prefetch: 1 }, signal);
    }
    return this.#publishing;
  }

  /** Where nothing further may be taken, the consumer ends before the acknowledgement lets the next delivery in. */
  async #acknowledge(delivery: Delivery, limit: AbortSignal): Promise<void> {
    try {
      if (this.#consuming && (this.#agent.stop.aborted || !this.#slots.intake.admits(this.#index))) await this.#cancel(limit);
      this.#channel.ack(delivery);
    } catch (error) {
      if (error instanceof BrokerError) throw new DeliveryLost('the channel is gone', { cause: error });
      throw error;
    }
  }
}
