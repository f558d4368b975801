import { InputError } from '../../lib/errors.ts';
import { parseServerUrl } from '../../lib/server-url.ts';

/** The addresses that `dev` is given on the command line. */
export interface UrlFlags {
  readonly rabbitmq?: string;
  readonly rabbitmqManagement?: string;
  readonly redis?: string;
}

/** Where a RabbitMQ is, in all that is needed to use it. */
export interface RabbitMqTarget {
  readonly amqpUrl: string;
  readonly managementUrl: string;
  readonly vhost: string;
}

/** The RabbitMQ of the flags, `undefined` where the embedded broker is wanted. Throws `InputError` (`Usage`) that names the flag and never quotes its value, which holds a password. */
export function rabbitMqOf({ rabbitmq, rabbitmqManagement }: UrlFlags): RabbitMqTarget | undefined {
  if (rabbitmq === undefined) {
    if (rabbitmqManagement === undefined) return undefined;
    throw new InputError('Usage', '--rabbitmq-management: belongs to --rabbitmq: give that, too');
  }
  const url = parseServerUrl('--rabbitmq', rabbitmq, ['amqp:', 'amqps:'], 'amqp://user:password@host:5672/vhost');
  if (rabbitmqManagement !== undefined)
    parseServerUrl('--rabbitmq-management', rabbitmqManagement, ['http:', 'https:'], 'http://user:password@host:15672');
  return {
    amqpUrl: rabbitmq,
    managementUrl: rabbitmqManagement ?? managementUrlFor(url),
    vhost: decodeURIComponent(url.pathname.slice(1)) || '/',
  };
}

/** A Redis that somebody has named. */
export interface RedisTarget {
  readonly url: string;
  /** `host:port`. */
  readonly place: string;
  /** The flag or the variable that names it. */
  readonly namedBy: string;
}

/** The Redis of the flags, `undefined` where the store in memory is wanted. Throws as `rabbitMqOf`. */
export function redisOf({ redis }: Pick<UrlFlags, 'redis'>): RedisTarget | undefined {
  return redis === undefined ? undefined : redisTarget('--redis', redis);
}

/** The environment variable that stands in for `--redis` where a command needs a store: its password would be seen in the list of processes. */
export const REDIS_VARIABLE = 'EVENTAGENT_REDIS_URL';

/** The Redis of the flag, else of the environment, `undefined` where neither names one. Throws as `rabbitMqOf`. */
export function redisNamed(flags: Pick<UrlFlags, 'redis'>, environment: NodeJS.ProcessEnv): RedisTarget | undefined {
  const fromEnvironment = environment[REDIS_VARIABLE];
  return redisOf(flags) ?? (fromEnvironment ? redisTarget(REDIS_VARIABLE, fromEnvironment) : undefined);
}

function redisTarget(namedBy: string, text: string): RedisTarget {
  const url = parseServerUrl(namedBy, text, ['redis:', 'rediss:'], 'redis://user:password@host:6379/0');
  if (!/^\/?\d*$/.test(url.pathname)) throw new InputError('Usage', `${namedBy}: the path of the URL is the number of a database, e.g. /0`);
  return { url: text, place: `${url.hostname}:${url.port || 6379}`, namedBy };
}

/** The management API where nobody says otherwise: at the broker's host, with its user and password, at the port that RabbitMQ gives it. */
function managementUrlFor(amqp: URL): string {
  const secure = amqp.protocol === 'amqps:';
  const credentials = amqp.username === '' ? 'guest:guest' : `${amqp.username}:${amqp.password}`;
  return `${secure ? 'https' : 'http'}://${credentials}@${amqp.hostname}:${secure ? 15671 : 15672}`;
}
