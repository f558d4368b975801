import type { Profile } from './embedded-profile.ts';
import { BrokerError } from './port.ts';
import type { QueueArguments } from './topology.ts';

/** What a queue does, read from its arguments. */
export interface QueueSettings {
  readonly deliveryLimit: number | undefined;
  readonly messageTtlMs: number | undefined;
  readonly maxLength: number | undefined;
  readonly overflow: 'drop-head' | 'reject-publish';
  readonly deadLetter:
    | { readonly exchange: string; readonly routingKey: string | undefined; readonly strategy: 'at-most-once' | 'at-least-once' }
    | undefined;
}

const known = new Set([
  'x-queue-type',
  'x-delivery-limit',
  'x-message-ttl',
  'x-max-length',
  'x-overflow',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
]);

/**
 * Reads a queue's arguments. Throws `BrokerError` (`ManagementFailed`) for what RabbitMQ refuses, and for what it would heed and the embedded broker
 * does not: a queue that silently did less would prove nothing.
 */
export function queueSettings(queue: string, args: QueueArguments, profile: Profile): QueueSettings {
  const refuse = (why: string): never => {
    throw new BrokerError('ManagementFailed', `queue ${queue}: ${why}`);
  };
  const text = (name: string) => {
    const value = args[name];
    return value === undefined || typeof value === 'string' ? value : refuse(`${name} is not a string`);
  };
  const whole = (name: string, least: number) => {
    const value = args[name];
    if (value === undefined) return undefined;
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
      ? value
      : refuse(`${name} is not a whole number from ${least}`);
  };
  const oneOf = <Value extends string>(name: string, values: readonly Value[]) => {
    const value = text(name);
    return (
      values.find((allowed) => allowed === value) ?? (value === undefined ? undefined : refuse(`${name} is none of ${values.join(', ')}`))
    );
  };
  for (const name of Object.keys(args)) if (!known.has(name)) refuse(`the embedded broker does not know the argument ${name}`);
  if (args['x-queue-type'] !== 'quorum') refuse('the embedded broker has quorum queues only: set x-queue-type to quorum');

  const limit = whole('x-delivery-limit', Number.MIN_SAFE_INTEGER) ?? profile.defaultDeliveryLimit;
  const overflow = oneOf('x-overflow', ['drop-head', 'reject-publish']) ?? 'drop-head';
  const exchange = text('x-dead-letter-exchange');
  const routingKey = text('x-dead-letter-routing-key');
  if (exchange === '') refuse('the embedded broker has no default exchange to dead-letter to');
  if (exchange === undefined && routingKey !== undefined) refuse('x-dead-letter-routing-key without x-dead-letter-exchange');
  const strategy = oneOf('x-dead-letter-strategy', ['at-most-once', 'at-least-once']) ?? 'at-most-once';
  return {
    deliveryLimit: limit !== undefined && limit < 0 && profile.negativeLimitIsNone ? undefined : limit,
    messageTtlMs: whole('x-message-ttl', 0),
    maxLength: whole('x-max-length', 0),
    overflow,
    deadLetter:
      exchange === undefined
        ? undefined
        : // RabbitMQ takes at-least-once without reject-publish, and does not do it.
          { exchange, routingKey, strategy: overflow === 'reject-publish' ? strategy : 'at-most-once' },
  };
}

/** The argument in which two declarations of a queue differ, if any. */
export function differingArgument(declared: QueueArguments, wanted: QueueArguments): string | undefined {
  return [...new Set([...Object.keys(declared), ...Object.keys(wanted)])].find((name) => declared[name] !== wanted[name]);
}
