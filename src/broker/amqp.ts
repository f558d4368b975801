import { Connection } from 'rabbitmq-client';
import { type Clock, systemClock, type Timer } from '../lib/clock.ts';
import type { ServerAddress } from '../lib/connection-secret.ts';
import { InputError } from '../lib/errors.ts';
import { connectFailure, tlsTrust } from '../lib/tls-trust.ts';
import { AmqpChannel } from './amqp-channel.ts';
import { brokerWords, changed, connectErrorFrom, NotAmqp, refuseLongFrames, withRawBodies } from './amqp-library.ts';
import { type BrokerConnection, BrokerError, type Channel } from './port.ts';

/** How to reach a RabbitMQ. The URL is `amqp:` or `amqps:`, with user, password and virtual host. https://www.rabbitmq.com/docs/uri-spec */
export interface RabbitMqOptions extends ServerAddress {
  /** What the connection is called in the broker's management. */
  readonly name: string;
  readonly clock?: Clock;
  /** Asked for the present address before each further attempt, so that a rotated login is seen. Where it throws, that attempt has failed. */
  readonly presentAddress?: () => ServerAddress;
  /** Told after each attempt and each loss: why there is no connection, or `undefined` where there is one now. */
  readonly onChange?: (failure: string | undefined) => void;
}

/** RabbitMQ's own limit for a frame; attributes and headers of a message travel in one. */
const FRAME_BYTES = 131_072;

/** A peer that is silent for two of these is taken for dead. */
const HEARTBEAT_SECONDS = 20;

const CONNECT_TIMEOUT_MS = 10_000;

/** Between two attempts to connect: at random up to a bound that doubles from the first to the second of these. */
const BACKOFF_MS = { least: 200, most: 30_000 };

/** How long `close` waits for the broker before it cuts the connection. */
const CLOSE_DEADLINE_MS = 5_000;

/** Connects to RabbitMQ, and again whenever the connection is lost. Returns at once. Throws `InputError` (`Usage`) for a URL that is none. */
export function connectRabbitMq(options: RabbitMqOptions): BrokerConnection {
  return new RabbitMqConnection(options);
}

/** Owns one connection of the library's at a time, and its channels. */
class RabbitMqConnection implements BrokerConnection {
  readonly #options: RabbitMqOptions;
  readonly #clock: Clock;
  #target: ReturnType<typeof targetOf>;
  readonly #channels = new Set<AmqpChannel>();
  /** Called with every change of the connection. */
  readonly #waiting = new Set<() => void>();
  /** The library's connection: the present attempt, and once more while it is up. */
  #library: Connection | undefined;
  #up: Connection | undefined;
  #blocked = false;
  #failures = 0;
  #failure: unknown;
  #retry: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RabbitMqOptions) {
    this.#options = options;
    this.#target = targetOf(options);
    this.#clock = options.clock ?? systemClock;
    this.#connect();
  }

  state(): { readonly connected: boolean; readonly blocked: boolean } {
    return { connected: this.#up !== undefined, blocked: this.#blocked };
  }

  async openChannel(options: { readonly prefetch: number }, signal: AbortSignal): Promise<Channel> {
    for (;;) {
      const library = await this.#connection(signal);
      try {
        return await this.#unlessAborted(this.#open(library, options.prefetch), signal);
      } catch (error) {
        if (error instanceof BrokerError) throw error;
        // Lost while the channel was being opened: there will be another connection. All else would fail again.
        if (this.#up === library) throw error;
      }
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #connect(): void {
    this.#retry = undefined;
    const { tls, ca, ...target } = this.#target;
    const library = new Connection({
      ...target,
      tls: tls && tlsTrust(target.hostname, ca),
      connectionName: this.#options.name,
      frameMax: FRAME_BYTES,
      heartbeat: HEARTBEAT_SECONDS,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      noDelay: true,
    });
    const isGuarded = refuseLongFrames(library, FRAME_BYTES);
    this.#library = library;
    library.on('connection', () => {
      if (this.#library !== library) return;
      if (!isGuarded()) {
        this.#onLost(library, changed('Connection reads its socket in another way'));
        return;
      }
      this.#up = library;
      this.#failures = 0;
      this.#failure = undefined;
      this.#tellWaiting();
      this.#options.onChange?.(undefined);
    });
    library.on('connection.blocked', () => this.#setBlocked(library, true));
    library.on('connection.unblocked', () => this.#setBlocked(library, false));
    library.on('error', (error) => this.#onLost(library, error));
  }

  #setBlocked(library: Connection, blocked: boolean): void {
    if (this.#library === library) this.#blocked = blocked;
  }

  #onLost(library: Connection, error: unknown): void {
    // The library would go on by itself, but tells only the first failure of a row: a refused login behind a lost connection would never be seen.
    library.unsafeDestroy();
    if (this.#library !== library || this.#closing !== undefined) return;
    const failure = this.#up === library ? error : connectErrorFrom(error);
    this.#library = undefined;
    this.#up = undefined;
    this.#blocked = false;
    this.#onFailure(failure);
  }

  #onFailure(error: unknown): void {
    this.#failure = error;
    const bound = Math.min(BACKOFF_MS.most, BACKOFF_MS.least * 2 ** ++this.#failures);
    const delayMs = BACKOFF_MS.least + Math.random() * (bound - BACKOFF_MS.least);
    this.#retry = this.#clock.timer(delayMs, () => this.#tryAgain());
    this.#tellWaiting();
    this.#options.onChange?.(this.#noConnection());
  }

  #tryAgain(): void {
    try {
      const { presentAddress } = this.#options;
      if (presentAddress !== undefined) this.#target = targetOf(presentAddress());
      this.#connect();
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #tellWaiting(): void {
    for (const tell of [...this.#waiting]) tell();
  }

  /** The library's connection, once it is up. */
  async #connection(signal: AbortSignal): Promise<Connection> {
    for (;;) {
      if (this.#closing !== undefined) throw new BrokerError('Unreachable', `the connection to ${this.#place()} was closed`);
      if (this.#up !== undefined) return this.#up;
      if (isRefusal(this.#failure)) throw new BrokerError('LoginRefused', this.#noConnection(), { cause: this.#failure });
      let tell: (() => void) | undefined;
      try {
        const change = new Promise<void>((resolve) => {
          tell = resolve;
          this.#waiting.add(resolve);
        });
        await this.#unlessAborted(change, signal);
      } finally {
        if (tell !== undefined) this.#waiting.delete(tell);
      }
    }
  }

  async #open(library: Connection, prefetch: number): Promise<AmqpChannel> {
    const raw = await library.acquire({ emitErrorsFromChannel: true });
    try {
      // Without a listener an error of the channel would end the process.
      raw.on('error', () => {});
      await withRawBodies(raw);
      await raw.confirmSelect();
      await raw.basicQos({ prefetchCount: prefetch, global: false });
    } catch (error) {
      await raw.close();
      throw error;
    }
    const channel = new AmqpChannel(raw, {
      clock: this.#clock,
      isBlocked: () => this.#blocked,
      lossOfConnection: () =>
        this.#library === library ? undefined : `the connection to ${this.#place()} was lost: ${brokerWords(this.#failure)}`,
    });
    this.#channels.add(channel);
    channel.ended.addEventListener('abort', () => this.#channels.delete(channel), { once: true });
    return channel;
  }

  /** Waits for something unless the signal is aborted first; a channel that comes after that is closed. */
  async #unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        promise.then(
          (late) => (late instanceof AmqpChannel ? late.close() : undefined),
          () => {},
        );
        const code = this.#failure instanceof NotAmqp ? 'NotAmqp' : 'Unreachable';
        reject(new BrokerError(code, this.#noConnection(), { cause: this.#failure }));
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([promise, aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  async #close(): Promise<void> {
    this.#retry?.cancel();
    const library = this.#library;
    // From the next turn on `#closing` is set, and whoever waits for a channel is told so.
    await Promise.resolve();
    this.#tellWaiting();
    if (library === undefined) return;
    let timer: Timer | undefined;
    const tooLate = new Promise<'too late'>((resolve) => {
      timer = this.#clock.timer(CLOSE_DEADLINE_MS, () => resolve('too late'));
    });
    const closed = Promise.all([...this.#channels].map((channel) => channel.close())).then(() => library.close());
    if ((await Promise.race([closed, tooLate])) === 'too late') library.unsafeDestroy();
    timer?.cancel();
    this.#up = undefined;
    this.#blocked = false;
  }

  #place(): string {
    return `${this.#target.hostname}:${this.#target.port}`;
  }

  /** Why there is no connection. */
  #noConnection(): string {
    const { username, vhost, ca } = this.#target;
    const failure = this.#failure;
    if (isRefusal(failure))
      return `RabbitMQ at ${this.#place()} refused the login of ${username} to virtual host ${vhost}: ${brokerWords(failure)}`;
    const why = failure === undefined ? 'it does not answer' : connectFailure(failure, ca !== undefined);
    return `no connection to RabbitMQ at ${this.#place()}: ${why}`;
  }
}

/** A URL taken apart, since the library leaves the brackets around an IPv6 address. Defaults are those of the AMQP URI specification. */
function targetOf({ url: text, ca }: ServerAddress) {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'amqp:' && url.protocol !== 'amqps:')) {
    throw new InputError('Usage', 'the address of RabbitMQ is not a URL of the form amqp://user:password@host:5672/vhost (amqps: for TLS)');
  }
  const tls = url.protocol === 'amqps:';
  return {
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
    port: Number(url.port) || (tls ? 5671 : 5672),
    username: decodeURIComponent(url.username) || 'guest',
    password: decodeURIComponent(url.password) || 'guest',
    vhost: decodeURIComponent(url.pathname.slice(1)) || '/',
    tls,
    ca,
  };
}

/** Wrong credentials, or a virtual host that does not exist or is not allowed: trying again changes nothing until somebody acts. */
function isRefusal(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && (failure.code === 'ACCESS_REFUSED' || failure.code === 'NOT_ALLOWED');
}
