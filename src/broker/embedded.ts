import { type Clock, systemClock } from '../lib/clock.ts';
import { type Cut, EmbeddedConnection } from './embedded-connection.ts';
import type { StoredMessage } from './embedded-message.ts';
import { type BrokerVersion, profiles } from './embedded-profile.ts';
import type { QueueCounts } from './embedded-queue.ts';
import type { ExchangeType } from './embedded-routing.ts';
import { EmbeddedVhost } from './embedded-vhost.ts';
import { type BrokerConnection, BrokerError } from './port.ts';
import type { TopologyAdmin } from './topology.ts';

/** How an embedded broker behaves. */
export interface EmbeddedBrokerOptions {
  readonly clock?: Clock;
  /** The version of RabbitMQ whose behaviour it takes on. */
  readonly profile?: BrokerVersion;
  /** How long a lost connection takes to come back. */
  readonly reconnectMs?: number;
  /** After how long a dead letter that could not be moved is tried again; 180 s in RabbitMQ. */
  readonly deadLetterRetryMs?: number;
}

/** A message that lies in a queue. */
export interface LyingMessage extends Omit<StoredMessage, 'deaths' | 'failures'> {
  readonly state: 'ready' | 'unacked' | 'held';
}

/** A broker in this process and in memory: what it holds ends with the process. */
export interface EmbeddedBroker {
  /** A connection of its own, up a turn later. */
  connect(): BrokerConnection;
  readonly admin: TopologyAdmin;
  /** Declares an exchange of a type that we only ever bind to. Throws `BrokerError` where it exists with another type. */
  declareExchange(name: string, type: ExchangeType): void;
  /** Deletes a queue and its messages; its consumers are cancelled. */
  deleteQueue(name: string): void;
  /** How many messages a queue has, or `undefined` where there is no such queue. */
  counts(queue: string): QueueCounts | undefined;
  /** The messages of a queue, without effect on them. */
  messages(queue: string): readonly LyingMessage[];
  /** Cuts all connections; each comes back by itself. */
  dropConnections(cut?: Cut): void;
  /** The broker dies, and is back after `downMs` with its exchanges, queues and messages. */
  restart(downMs?: number): void;
  /** Begins or ends a memory alarm. Under it a connection is stopped by its next publication, which is sent and not answered. */
  setBlocked(blocked: boolean): void;
}

/** `dead_letter_worker_publisher_confirm_timeout` of RabbitMQ. */
const DEAD_LETTER_RETRY_MS = 180_000;

const RECONNECT_MS = 200;

/**
 * A broker for `dev` and for tests, with quorum queues and no default exchange. Where RabbitMQ leaves room it does the less convenient thing: nothing completes at once,
 * what is on the way is lost with the connection, and what is not promised does not happen.
 */
export function createEmbeddedBroker(options: EmbeddedBrokerOptions = {}): EmbeddedBroker {
  const { clock = systemClock, reconnectMs = RECONNECT_MS, deadLetterRetryMs = DEAD_LETTER_RETRY_MS } = options;
  const profile = profiles[options.profile ?? '4.3'];
  const vhost = new EmbeddedVhost({ clock, profile, deadLetterRetryMs });
  const connections = new Set<EmbeddedConnection>();
  let isUp = true;
  let hasAlarm = false;

  /** Does something in the next turn, unless the signal is aborted or the broker is down. */
  const inTurn = <Result>(act: () => Result, signal: AbortSignal): Promise<Result> =>
    new Promise((resolve, reject) => {
      clock.timer(0, () => {
        try {
          signal.throwIfAborted();
          if (!isUp) throw new BrokerError('Unreachable', 'the embedded broker is restarting');
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
    });

  return {
    connect() {
      const connection: EmbeddedConnection = new EmbeddedConnection({
        clock,
        vhost,
        profile,
        reconnectMs,
        isUp: () => isUp,
        hasAlarm: () => hasAlarm,
        onClosed: () => connections.delete(connection),
      });
      connections.add(connection);
      return connection;
    },
    admin: {
      observe: (signal) => inTurn(() => vhost.observe(), signal),
      apply: (step, signal) => inTurn(() => vhost.apply(step), signal),
      freshQueueMs: 0,
    },
    declareExchange: (name, type) => vhost.declareExchange(name, type),
    deleteQueue: (name) => vhost.deleteQueue(name),
    counts: (queue) => vhost.queue(queue)?.counts(),
    messages: (queue) =>
      (vhost.queue(queue)?.messages() ?? []).map(({ state, message: { deaths: _, failures: __, ...message } }) => ({ ...message, state })),
    dropConnections(cut) {
      for (const connection of connections) connection.drop(cut);
    },
    restart(downMs = 0) {
      isUp = false;
      // All of it at once, so that nothing is delivered to somebody who is gone as well.
      vhost.restart();
      for (const connection of connections) connection.forgetSessions();
      for (const connection of connections) connection.drop();
      clock.timer(downMs, () => {
        isUp = true;
      });
    },
    setBlocked(blocked) {
      hasAlarm = blocked;
      if (!blocked) for (const connection of connections) connection.resume();
    },
  };
}
