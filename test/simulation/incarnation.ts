import type { BrokerConnection, Channel, Delivery } from '../../src/broker/port.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Model, TokenCounter } from '../../src/model/port.ts';
import type { Send } from '../../src/runner/outputs/send.ts';
import type { Store } from '../../src/store/port.ts';
import { nameOf } from './name.ts';

/** Asked around every port call of a process: does it die here? */
export interface Fate {
  /** `true`: the process is dead from here on, and the call is not made. */
  before(call: string): boolean;
  /** `true`: the call was made, and the process dies before it learns of it. */
  after(call: string): boolean;
  /** Told of an acknowledgement, just before it is made. */
  acknowledging(delivery: Delivery): void;
}

/** One life of a process: its ports work until it dies, or stand still while it is frozen. */
export class Incarnation {
  readonly #clock: Clock;
  readonly #fate: Fate;
  readonly #onDeath: () => void;
  readonly #onInterruption: (events: ReadonlySet<string>) => void;
  /** What was delivered to it and not acknowledged. */
  readonly #inHand = new Set<Delivery>();
  #dead = false;
  #frozenUntil = 0;

  /** `onInterruption` is told, at its death and whenever it is frozen, of the events that it has in hand then. */
  constructor(clock: Clock, fate: Fate, onDeath: () => void, onInterruption: (events: ReadonlySet<string>) => void) {
    this.#clock = clock;
    this.#fate = fate;
    this.#onDeath = onDeath;
    this.#onInterruption = onInterruption;
  }

  /** The names of the events that it has in hand. */
  get inHand(): ReadonlySet<string> {
    return new Set([...this.#inHand].map(({ headers }) => nameOf(headers)));
  }

  get dead(): boolean {
    return this.#dead;
  }

  die(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#onInterruption(this.inHand);
    this.#onDeath();
  }

  /** Stops the process in its tracks: nothing that it does goes on before `ms` have passed. */
  freeze(ms: number): void {
    this.#frozenUntil = this.#clock.now() + ms;
    this.#onInterruption(this.inHand);
  }

  /** Time as the process sees it: no timer fires in a dead one, and late in a frozen one. */
  readonly clock: Clock = {
    now: () => this.#clock.now(),
    timer: (delayMs, fire) => {
      let inner = this.#clock.timer(delayMs, () => {
        if (this.#dead) return;
        const thawMs = this.#frozenUntil - this.#clock.now();
        if (thawMs <= 0) fire();
        else inner = this.clock.timer(thawMs, fire);
      });
      return { cancel: () => inner.cancel() };
    },
  };

  /** Makes a call of a port one that the process can die at. Once it is dead, no answer ever comes. */
  async call<T>(name: string, make: () => Promise<T>): Promise<T> {
    if (this.#dead) return never();
    if (this.#fate.before(name)) {
      this.die();
      return never();
    }
    const settled = await make().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (!this.#dead && this.#fate.after(name)) this.die();
    while (!this.#dead && this.#frozenUntil > this.#clock.now()) {
      const thawMs = this.#frozenUntil - this.#clock.now();
      await new Promise<void>((resolve) => this.#clock.timer(thawMs, resolve));
    }
    if (this.#dead) return never();
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  store(store: Store): Store {
    return {
      read: (key) => this.call('store.read', () => store.read(key)),
      replace: (key, version, write, epoch) =>
        this.call(`store.replace ${write.record.phase}`, () => store.replace(key, version, write, epoch)),
      update: (key, fence, write) => this.call(`store.update ${write.record.phase}`, () => store.update(key, fence, write)),
      renew: (key, fence, leaseMs) => this.call('store.renew', () => store.renew(key, fence, leaseMs)),
      expire: (key, version, ms) => this.call('store.expire', () => store.expire(key, version, ms)),
      receipts: (agent, since) => this.call('store.receipts', () => store.receipts(agent, since)),
      costToday: (agent) => this.call('store.costToday', () => store.costToday(agent)),
      lease: (agent, name, leaseMs) => this.call('store.lease', () => store.lease(agent, name, leaseMs)),
      addPause: (...pause) => this.call('store.addPause', () => store.addPause(...pause)),
      pausesSince: (agent, since) => this.call('store.pausesSince', () => store.pausesSince(agent, since)),
      lastTick: (agent, schedule) => this.call('store.lastTick', () => store.lastTick(agent, schedule)),
      replaceLastTick: (agent, schedule, expected, next) =>
        this.call('store.replaceLastTick', () => store.replaceLastTick(agent, schedule, expected, next)),
      readCell: (key) => this.call('store.readCell', () => store.readCell(key)),
      replaceCell: (key, version, text, expireMs) => this.call('store.replaceCell', () => store.replaceCell(key, version, text, expireMs)),
      ping: () => this.call('store.ping', () => store.ping()),
      inspect: (agent) => this.call('store.inspect', () => store.inspect(agent)),
      acknowledge: (agent) => this.call('store.acknowledge', () => store.acknowledge(agent)),
    };
  }

  model({ call, countTokens }: Model & Partial<TokenCounter>): Model & Partial<TokenCounter> {
    return {
      call: (request, signal) => this.call(`model.call ${request.prompt}`, () => call(request, signal)),
      ...(countTokens === undefined
        ? {}
        : { countTokens: (request, signal) => this.call(`model.countTokens ${request.prompt}`, () => countTokens(request, signal)) }),
    };
  }

  send(send: Send): Send {
    return (outgoing, signal) => this.call(`send ${outgoing.output}`, () => send(outgoing, signal));
  }

  connection(connection: BrokerConnection): BrokerConnection {
    return {
      openChannel: (options, signal) => this.call('openChannel', async () => this.#channel(await connection.openChannel(options, signal))),
      state: () => connection.state(),
      close: () => connection.close(),
    };
  }

  #channel(channel: Channel): Channel {
    return {
      publish: (publication) => this.call(`publish ${publication.routingKey}`, () => channel.publish(publication)),
      consume: (queue, onDelivery) =>
        this.call('consume', () =>
          channel.consume(queue, (delivery) => {
            // A frozen process finds it in its socket when it wakes.
            this.clock.timer(0, () => {
              this.#inHand.add(delivery);
              onDelivery(delivery);
            });
          }),
        ),
      cancel: () => this.call('cancel', () => channel.cancel()),
      get: (queue) => this.call('get', () => channel.get(queue)),
      ready: (queue) => this.call('ready', () => channel.ready(queue)),
      ack: (delivery) => {
        if (this.#dead || this.#fate.before('ack')) {
          this.die();
          throw new Error('the process is dead');
        }
        // On a channel that is gone it acknowledges nothing.
        if (!channel.ended.aborted) this.#fate.acknowledging(delivery);
        channel.ack(delivery);
        this.#inHand.delete(delivery);
        if (this.#fate.after('ack')) this.die();
      },
      nack: (delivery, options) => channel.nack(delivery, options),
      reject: (delivery, options) => channel.reject(delivery, options),
      close: () => this.call('close', () => channel.close()),
      ended: channel.ended,
    };
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
