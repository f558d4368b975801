import type { Headers } from '../api/message.ts';

/** The versions of RabbitMQ whose behaviour the embedded broker can take on. */
export type BrokerVersion = '3.10' | '4.0' | '4.3';

/** How a delivery came back to its queue: by `basic.nack`, by `basic.reject`, or because its channel or connection went away. */
export type Return = 'nack' | 'reject' | 'down';

/** What a queue counts of a message: how often it came back (`acquired`), and how often its delivery counts as failed. */
export interface Counts {
  readonly acquired: number;
  readonly failed: number;
}

/** In what the versions differ, as seen on servers 3.10.8, 4.0.5 and 4.3.6. */
export interface Profile {
  readonly version: BrokerVersion;
  /** A larger body closes the channel. */
  readonly maxMessageBytes: number;
  /** The delivery limit of a queue that states none. */
  readonly defaultDeliveryLimit: number | undefined;
  /** Whether a limit below 0 means none. 3.10 takes it as a limit: gone after one delivery. */
  readonly negativeLimitIsNone: boolean;
  /** Which returns count as a failed delivery. */
  readonly failsByReturn: readonly Return[];
  /** Which settlements without requeue count as a failed delivery. */
  readonly failsByDiscard: readonly Return[];
  /** Which count the delivery limit is compared with. */
  readonly limits: keyof Counts;
  /** Whether a dead letter takes its failures along into the next queue. */
  readonly carriesFailures: boolean;
  /** Whether nack and reject put a message at the end of a queue without delivery limit, instead of its head. */
  readonly requeuesAtEnd: boolean;
  /** Whether deliveries taken by `basic.get` go back before those of consumers when a channel ends. */
  readonly getsFirst: boolean;
  /** Whether dead letters tell their last death in headers of its own. */
  readonly tellsLastDeath: boolean;
  /** Whether a policy can say how long a delivery may go unsettled. */
  readonly knowsConsumerTimeouts: boolean;
  /** Whether an `x-death` header that a client wrote counts as the broker's own. */
  readonly believesClients: boolean;
}

const v40: Profile = {
  version: '4.0',
  maxMessageBytes: 16 * 1024 * 1024,
  defaultDeliveryLimit: 20,
  negativeLimitIsNone: true,
  failsByReturn: ['down'],
  failsByDiscard: ['nack', 'reject'],
  limits: 'acquired',
  carriesFailures: true,
  requeuesAtEnd: true,
  getsFirst: false,
  tellsLastDeath: true,
  knowsConsumerTimeouts: true,
  believesClients: false,
};

/** The profiles by version. */
export const profiles: Readonly<Record<BrokerVersion, Profile>> = {
  '3.10': {
    ...v40,
    version: '3.10',
    maxMessageBytes: 128 * 1024 * 1024,
    defaultDeliveryLimit: undefined,
    negativeLimitIsNone: false,
    carriesFailures: false,
    getsFirst: true,
    tellsLastDeath: false,
    knowsConsumerTimeouts: false,
    believesClients: true,
  },
  '4.0': v40,
  '4.3': {
    ...v40,
    version: '4.3',
    failsByReturn: ['reject', 'down'],
    failsByDiscard: ['reject'],
    limits: 'failed',
    requeuesAtEnd: false,
  },
};

/** What a client is told of the counts: by a delivery to a consumer, or by `basic.get`. */
export function told(
  profile: Profile,
  counts: Counts,
  by: 'consumer' | 'get',
): { readonly redelivered: boolean; readonly headers: Headers } {
  if (profile.version === '3.10') {
    const redelivered = counts.acquired > 0;
    return { redelivered, headers: redelivered || by === 'get' ? { 'x-delivery-count': counts.acquired } : {} };
  }
  // A dead letter that brings failures along looks redelivered in its new queue until that has counted for itself.
  const acquired = counts.acquired || counts.failed;
  if (profile.version === '4.0') return { redelivered: acquired > 0, headers: acquired > 0 ? { 'x-delivery-count': acquired } : {} };
  return {
    redelivered: acquired > 0,
    headers: {
      ...(acquired > 0 ? { 'x-acquired-count': acquired } : {}),
      ...(counts.failed > 0 ? { 'x-delivery-count': counts.failed } : {}),
    },
  };
}
