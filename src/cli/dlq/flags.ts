import { type Command, InvalidArgumentError, Option } from 'commander';
import type { LetterFilter } from '../../api/dead-letter.ts';
import { type AgentRef, DEFAULT_PREFIX, isPrefix } from '../../api/names.ts';
import { deadLetterReasons, strayReasons } from '../../api/reasons.ts';
import { durationMs } from '../duration.ts';

/** Where the broker is. */
export interface BrokerFlags {
  readonly rabbitmq?: string;
  readonly prefix: string;
}

/** Which dead letters are meant, as flags. */
export interface FilterFlags {
  readonly reason?: string;
  readonly fingerprint?: string;
  readonly type?: string;
  /** Milliseconds. */
  readonly olderThan?: number;
  /** Milliseconds. */
  readonly newerThan?: number;
}

/** The environment variable that stands in for `--rabbitmq`: its password would be seen in the list of processes. */
export const RABBITMQ_VARIABLE = 'EVENTAGENT_RABBITMQ_URL';

/** Adds the flags of `BrokerFlags`. */
export function withBrokerFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--rabbitmq <url>', "the agents' RabbitMQ (amqp://user:password@host:5672/vhost, amqps: for TLS)").env(RABBITMQ_VARIABLE),
    )
    .addOption(new Option('--prefix <prefix>', 'prefix of all names on the broker').argParser(prefix).default(DEFAULT_PREFIX));
}

/** Adds the flags of `FilterFlags`. */
export function withFilterFlags(command: Command): Command {
  return command
    .addOption(new Option('--reason <reason>', 'only those of this reason, e.g. OutputRejected').argParser(reason))
    .addOption(new Option('--fingerprint <hex>', 'only those of this cause, as `dlq ls` shows it').argParser(fingerprint))
    .addOption(new Option('--type <type>', 'only events of exactly this type, e.g. github.pull_request'))
    .addOption(new Option('--older-than <duration>', 'only those dead for longer: 90s, 15m, 6h, 7d').argParser(duration))
    .addOption(new Option('--newer-than <duration>', 'only those dead for less').argParser(duration));
}

/** The filter of the flags. */
export function filterOf({ reason: why, fingerprint: cause, type, olderThan, newerThan }: FilterFlags): LetterFilter {
  return {
    ...(why === undefined ? {} : { reason: why }),
    ...(cause === undefined ? {} : { fingerprint: cause }),
    ...(type === undefined ? {} : { type }),
    ...(olderThan === undefined ? {} : { olderThanMs: olderThan }),
    ...(newerThan === undefined ? {} : { newerThanMs: newerThan }),
  };
}

/** Reads `NAMESPACE/NAME`. Throws `InvalidArgumentError`. */
export function agentRef(text: string): AgentRef {
  const [namespace = '', name = '', ...rest] = text.split('/');
  if (rest.length > 0 || !isLabel(namespace, 63) || !isLabel(name, 40))
    throw new InvalidArgumentError('It must be NAMESPACE/NAME of an EventAgent.');
  return { namespace, name };
}

/** Reads a pace such as `10/s`, from one a minute on; the milliseconds from one to the next. Throws `InvalidArgumentError`. */
export function pace(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})\/(s|m)$/.exec(text) ?? [];
  if (!(Number(count) > 0)) throw new InvalidArgumentError('It must be a number of events a second or a minute, e.g. 10/s or 30/m.');
  return (unit === 's' ? 1000 : 60_000) / Number(count);
}

/** Reads a number of at least one. Throws `InvalidArgumentError`. */
export function atLeastOne(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

/** Reads a number from 1 to 100. Throws `InvalidArgumentError`. */
export function percent(text: string): number {
  if (!/^([1-9]\d?|100)$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 to 100.');
  return Number(text);
}

/** Reads a time span such as `6h`. Throws `InvalidArgumentError`. */
export function duration(text: string): number {
  const value = durationMs(text);
  if (value === undefined) throw new InvalidArgumentError('It must be a number of seconds, minutes, hours or days: 90s, 15m, 6h, 7d.');
  return value;
}

function reason(text: string): string {
  const known = Object.keys({ ...deadLetterReasons, ...strayReasons });
  if (!known.includes(text)) throw new InvalidArgumentError(`It must be one of ${known.join(', ')}.`);
  return text;
}

function fingerprint(text: string): string {
  if (!/^[0-9a-f]{12}$/.test(text)) throw new InvalidArgumentError('It must be twelve hex digits, as `eventagent dlq ls` shows them.');
  return text;
}

function prefix(text: string): string {
  if (!isPrefix(text)) throw new InvalidArgumentError('It must be lower case letters and digits, at most 16.');
  return text;
}

function isLabel(text: string, most: number): boolean {
  return text.length <= most && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}
