import { type Clock, sleep } from '../lib/clock.ts';
import { EmbeddedChannel } from './embedded-channel.ts';
import type { Parcel } from './embedded-lane.ts';
import type { Profile } from './embedded-profile.ts';
import type { EmbeddedVhost } from './embedded-vhost.ts';
import { type BrokerConnection, BrokerError, type Channel } from './port.ts';

/** What a connection has to know of its broker. */
export interface ConnectionSurroundings {
  readonly clock: Clock;
  readonly vhost: EmbeddedVhost;
  readonly profile: Profile;
  /** How long a lost connection takes to come back. */
  readonly reconnectMs: number;
  /** Whether the broker runs. */
  isUp(): boolean;
  /** Whether the broker has a memory or disk alarm. */
  hasAlarm(): boolean;
  /** Called when the connection is closed for good. */
  onClosed(): void;
}

/** How soon the two ends notice that a connection is gone; until then each goes on in good faith. */
export interface Cut {
  readonly clientNoticesMs?: number;
  readonly brokerNoticesMs?: number;
}

/** A connection to the embedded broker. Owns its channels. */
export class EmbeddedConnection implements BrokerConnection {
  readonly #around: ConnectionSurroundings;
  readonly #channels = new Set<EmbeddedChannel>();
  /** Called when the connection comes up or is closed. */
  readonly #waiting = new Set<() => void>();
  /** As the client knows it; between a cut and its discovery the connection only seems to be up. */
  #connected = false;
  #cut = true;
  /** The broker has stopped to read. The client learns of it a turn later. */
  #held = false;
  #blocked = false;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(around: ConnectionSurroundings) {
    this.#around = around;
    around.clock.timer(0, () => this.#connect());
  }

  state(): { readonly connected: boolean; readonly blocked: boolean } {
    return { connected: this.#connected, blocked: this.#blocked };
  }

  async openChannel(options: { readonly prefetch: number }, signal: AbortSignal): Promise<Channel> {
    for (;;) {
      await this.#untilConnected(signal);
      const channel = this.#open(options.prefetch);
      try {
        // There and back; where the connection is lost meanwhile, so is the channel.
        await sleep(this.#around.clock, 0, signal);
      } catch (cause) {
        await channel.close();
        throw new BrokerError('Unreachable', 'the embedded broker did not open the channel in time', { cause });
      }
      if (!this.#cut && !channel.ended.aborted) return channel;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Cuts the connection, if it is up. Nothing passes from now on; the two ends notice in their own time. */
  drop({ clientNoticesMs = 0, brokerNoticesMs = 0 }: Cut = {}): void {
    if (this.#cut) return;
    const { clock, reconnectMs } = this.#around;
    const channels = this.#detach();
    clock.timer(brokerNoticesMs, () => {
      for (const channel of channels) channel.endSession();
    });
    clock.timer(clientNoticesMs, () => {
      this.#connected = false;
      this.#blocked = false;
      for (const channel of channels) channel.lose('the connection to the broker was lost');
      clock.timer(reconnectMs, () => this.#connect());
    });
  }

  /** The broker's process is gone, and with it all that it knew of the connection. */
  forgetSessions(): void {
    for (const channel of this.#channels) channel.endSession();
  }

  /** The alarm is over: the broker reads on. */
  resume(): void {
    if (!this.#held) return;
    this.#hold(false);
    for (const channel of this.#channels) channel.resume();
  }

  #connect(): void {
    if (this.#closed) return;
    const { clock, reconnectMs } = this.#around;
    if (!this.#around.isUp()) {
      clock.timer(reconnectMs, () => this.#connect());
      return;
    }
    this.#connected = true;
    this.#cut = false;
    this.#tellWaiting();
  }

  #open(prefetch: number): EmbeddedChannel {
    const { clock, vhost, profile } = this.#around;
    const channel = new EmbeddedChannel({
      clock,
      vhost,
      profile,
      prefetch,
      isBlocked: () => this.#blocked,
      admits: (parcel) => this.#admits(parcel),
      onGone: () => this.#channels.delete(channel),
    });
    this.#channels.add(channel);
    return channel;
  }

  /** As RabbitMQ does it: an alarm stops a connection once it publishes, and then whatever comes by it, acknowledgements too. */
  #admits(parcel: Parcel): boolean {
    if (!this.#held && parcel.publishes && this.#around.hasAlarm()) this.#hold(true);
    return !this.#held;
  }

  #hold(held: boolean): void {
    this.#held = held;
    this.#around.clock.timer(0, () => {
      this.#blocked = this.#held;
    });
  }

  /** Cuts off all channels, and returns them. */
  #detach(): readonly EmbeddedChannel[] {
    const channels = [...this.#channels];
    this.#channels.clear();
    this.#cut = true;
    this.#held = false;
    for (const channel of channels) channel.cut();
    return channels;
  }

  async #untilConnected(signal: AbortSignal): Promise<void> {
    while (this.#cut) {
      if (this.#closed) throw new BrokerError('Unreachable', 'the connection to the embedded broker was closed');
      await this.#change(signal);
    }
  }

  /** Waits until the connection has come up or was closed. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        this.#waiting.delete(onChange);
        signal.removeEventListener('abort', onAbort);
        act();
      };
      const onChange = () => settle(resolve);
      const onAbort = () => settle(() => reject(new BrokerError('Unreachable', 'no connection to the embedded broker in time')));
      if (signal.aborted) return onAbort();
      this.#waiting.add(onChange);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #tellWaiting(): void {
    for (const tell of [...this.#waiting]) tell();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#channels].map((channel) => channel.close()));
    // A session whose channel could not be closed in time ends with its connection.
    for (const channel of this.#detach()) channel.endSession();
    this.#connected = false;
    this.#blocked = false;
    this.#tellWaiting();
    this.#around.onClosed();
  }
}
