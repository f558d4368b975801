import { BrokerError, type Channel, type Delivery } from '../broker/port.ts';
import { sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { follow } from '../lib/follow.ts';
import { createBell } from './bell.ts';
import { type Agent, lifeOf } from './life.ts';
import { DeliveryLost } from './settling.ts';

/** A delivery is held at most this much longer than its run may last; with the longest run that is well inside RabbitMQ's consumer timeout of 30 minutes. */
export const HOLD_MARGIN_MS = 120_000;

/** A pause before a channel is opened again after it, or a life on it, has failed. */
const REOPEN_MS = 500;

/** The longest that a delivery may be held has come. */
class HoldExpired extends Error {}

/**
 * One place for one event at a time: a channel of its own with a prefetch of one, opened again whenever it is lost.
 * Runs until `stop` is aborted and what it holds is settled, or until `kill` is aborted; never rejects.
 */
export async function runSlot(agent: Agent, index: number, stop: AbortSignal, kill: AbortSignal): Promise<void> {
  const { clock, log } = agent.ports;
  while (!stop.aborted) {
    try {
      await serve(agent, index, stop, kill);
    } catch (error) {
      if (stop.aborted) return;
      if (!(error instanceof BrokerError))
        log.error('a delivery was given up; the broker delivers it again', { slot: index, error: messageOf(error) });
      await sleep(clock, REOPEN_MS, stop).catch(() => {});
    }
  }
}

/** Opens a channel and lives on it until it ends. */
async function serve(agent: Agent, index: number, stop: AbortSignal, kill: AbortSignal): Promise<void> {
  const { connection } = agent.ports;
  while (!agent.intake.isOpen(index) && !stop.aborted) await agent.intake.changed(stop);
  if (stop.aborted) return;
  const channel = await connection.openChannel({ prefetch: 1 }, stop);
  const seat = new Seat(agent, index, channel, kill);
  try {
    await seat.serve(stop);
  } finally {
    await seat.close();
  }
}

/** What a slot has while its channel lives. */
class Seat {
  readonly #agent: Agent;
  readonly #index: number;
  readonly #channel: Channel;
  readonly #kill: AbortSignal;
  readonly #inbox: Delivery[] = [];
  /** Rung by a delivery, the end of the channel, a change of the intake, and `stop`. */
  readonly #bell = createBell();
  #consuming = false;
  #publishing: Channel | undefined;

  constructor(agent: Agent, index: number, channel: Channel, kill: AbortSignal) {
    this.#agent = agent;
    this.#index = index;
    this.#channel = channel;
    this.#kill = kill;
  }

  async serve(stop: AbortSignal): Promise<void> {
    const { ended } = this.#channel;
    const { ring } = this.#bell;
    const forgetIntake = this.#agent.intake.onChange(ring);
    for (const signal of [stop, ended]) signal.addEventListener('abort', ring, { once: true });
    try {
      await this.#serve(stop);
    } finally {
      forgetIntake();
      for (const signal of [stop, ended]) signal.removeEventListener('abort', ring);
    }
  }

  async close(): Promise<void> {
    await this.#publishing?.close();
    await this.#channel.close();
  }

  async #serve(stop: AbortSignal): Promise<void> {
    const { intake, program } = this.#agent;
    while (!this.#channel.ended.aborted) {
      const delivery = this.#inbox.shift();
      if (delivery !== undefined) {
        await this.#live(delivery);
        continue;
      }
      if (stop.aborted || !intake.isOpen(this.#index)) {
        if (this.#consuming) await this.#cancel();
        else if (stop.aborted) return;
        else await this.#bell.rung();
        continue;
      }
      if (!this.#consuming) {
        this.#consuming = true;
        await this.#channel.consume(program.names.work, (arrived) => {
          this.#inbox.push(arrived);
          this.#bell.ring();
        });
      }
      await this.#bell.rung();
    }
  }

  async #cancel(): Promise<void> {
    this.#consuming = false;
    await this.#channel.cancel();
  }

  async #live(delivery: Delivery): Promise<void> {
    const { clock } = this.#agent.ports;
    const hold = new AbortController();
    const holdMs = this.#agent.program.configuration.delivery.runTimeoutMs + HOLD_MARGIN_MS;
    const timer = clock.timer(holdMs, () =>
      hold.abort(new HoldExpired(`the delivery was held for ${holdMs / 1000} s without coming to an end`)),
    );
    const unfollow = follow(this.#kill, hold);
    try {
      await lifeOf(this.#agent, {
        delivery,
        channel: this.#channel,
        publishing: () => this.#publishingChannel(hold.signal),
        acknowledge: () => this.#acknowledge(delivery),
        hold: hold.signal,
      });
    } finally {
      timer.cancel();
      unfollow();
    }
  }

  async #publishingChannel(signal: AbortSignal): Promise<Channel> {
    if (this.#publishing === undefined || this.#publishing.ended.aborted) {
      this.#publishing = await this.#agent.ports.connection.openChannel({ prefetch: 1 }, signal);
    }
    return this.#publishing;
  }

  /** Where nothing further may be taken, the consumer ends before the acknowledgement lets the next delivery in. */
  async #acknowledge(delivery: Delivery): Promise<void> {
    try {
      if (this.#consuming && (this.#agent.stop.aborted || !this.#agent.intake.isOpen(this.#index))) await this.#cancel();
      this.#channel.ack(delivery);
    } catch (error) {
      if (error instanceof BrokerError) throw new DeliveryLost('the channel is gone', { cause: error });
      throw error;
    }
  }
}
