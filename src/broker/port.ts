import type { Message } from '../api/message.ts';
import { CodedError } from '../lib/errors.ts';

/** A message on its way out. It is always published persistent and mandatory, and always confirmed. */
export interface Publication extends Message {
  readonly exchange: string;
  readonly routingKey: string;
}

/**
 * What the broker said of one publication:
 * `confirmed`: every queue it was routed to has stored it; `unroutable`: no queue is bound for it and nothing was stored;
 * `refused`: a queue it was routed to would not take it (full, or shutting down). After `refused` other queues of the same exchange may hold a copy.
 */
export type PublishOutcome = 'confirmed' | 'unroutable' | 'refused';

/** One delivery of a message. It belongs to the channel that it came by and can be settled on that channel alone. */
export interface Delivery extends Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  /** The channel's own number for the delivery; means nothing on another channel. */
  readonly tag: number;
}

/** Why a channel is gone. */
export interface ChannelEnd {
  readonly code: 'Closed' | 'ChannelError' | 'ConsumerCancelled' | 'ConnectionLost';
  readonly message: string;
}

/**
 * One AMQP channel in confirm mode. Nothing on it completes synchronously. When it ends, by us or by the broker, `ended` fires,
 * the outcome of every publication under way is unknown (rejected with `ChannelClosed`), and its unsettled deliveries go back to their queues.
 */
export interface Channel {
  /**
   * Publishes once. Rejects with `Blocked` (not sent: the broker has asked senders to stop) or `ChannelClosed`
   * (not sent, or sent with unknown result). May be called many times without waiting; the caller owns the deadline.
   */
  publish(publication: Publication): Promise<PublishOutcome>;
  /** Starts to consume with the channel's prefetch; a channel has at most one consumer. Rejects with `ChannelClosed`, e.g. where the queue is missing. */
  consume(queue: string, onDelivery: (delivery: Delivery) => void): Promise<void>;
  /** Ends the consumer and keeps its unsettled deliveries, which can still be settled. Resolves when no further delivery can come. */
  cancel(): Promise<void>;
  /** Takes one message from a queue, to look at it; it stays with the channel until settled, or until the channel is closed. */
  get(queue: string): Promise<Delivery | undefined>;
  /** How many messages of a queue are ready for delivery now; those in somebody's hands are not. `undefined` where there is no such queue: the channel has ended then. */
  ready(queue: string): Promise<number | undefined>;
  /** Settles: done. Throws `ChannelClosed` once the channel has ended, and `NotMine` for a delivery of another channel. */
  ack(delivery: Delivery): void;
  /** Settles: not done. Gives the message back (`requeue`) or has the broker dead-letter it. Throws as `ack`. */
  nack(delivery: Delivery, options: { readonly requeue: boolean }): void;
  /** The same with `basic.reject`, which counts against the delivery limit where `nack` does not (RabbitMQ 4.3). Throws as `ack`. */
  reject(delivery: Delivery, options: { readonly requeue: boolean }): void;
  /** Closes the channel; unsettled deliveries go back to their queues. Never rejects, and may be repeated. */
  close(): Promise<void>;
  /** Aborted when the channel has ended, with a `ChannelEnd` as its reason. */
  readonly ended: AbortSignal;
}

/** A connection that comes back by itself after it was lost; its channels do not. */
export interface BrokerConnection {
  /** Opens a channel. Waits for the connection; rejects with `Unreachable` or `NotAmqp` when the signal is aborted first. */
  openChannel(options: { readonly prefetch: number }, signal: AbortSignal): Promise<Channel>;
  /** Whether the connection is up, and whether the broker has asked senders to stop (memory or disk alarm). */
  state(): { readonly connected: boolean; readonly blocked: boolean };
  /** Closes every channel and the connection. Never rejects, and may be repeated. */
  close(): Promise<void>;
}

/** A broker did not do what it was asked. */
export class BrokerError extends CodedError<BrokerErrorCode> {}

/** `Unreachable`: no connection in time; `NotAmqp`: the same, and something else answers at its address; `ChannelClosed`: the channel is gone; `Blocked`: the broker takes nothing for now;
 * `NotMine`: a delivery was settled on another channel; `LoginRefused`: wrong credentials or vhost; `ManagementFailed`: the management API refused or failed;
 * `PolicyRefused`: the user may not write policies; `PolicyUnknown`: the broker knows no policies of that kind. */
export type BrokerErrorCode =
  | 'Unreachable'
  | 'NotAmqp'
  | 'ChannelClosed'
  | 'Blocked'
  | 'NotMine'
  | 'LoginRefused'
  | 'ManagementFailed'
  | 'PolicyRefused'
  | 'PolicyUnknown';
