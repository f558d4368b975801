import { connectRabbitMq } from '../../broker/amqp.ts';
import { createEmbeddedBroker } from '../../broker/embedded.ts';
import { managementAdmin } from '../../broker/management.ts';
import { type BrokerConnection, BrokerError, type BrokerErrorCode } from '../../broker/port.ts';
import type { TopologyAdmin } from '../../broker/topology.ts';
import { systemClock } from '../../lib/clock.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { type OwnedStore, StoreError } from '../../store/port.ts';
import { createRedisStore } from '../../store/redis.ts';
import type { RabbitMqTarget, RedisTarget } from './url-flags.ts';
import type { UserExchange } from './user-exchanges.ts';

/** A broker: the real one, or the embedded one with the user's exchanges on it. */
export function brokerFor(
  rabbitMq: RabbitMqTarget | undefined,
  userExchanges: readonly UserExchange[],
): { readonly connection: BrokerConnection; readonly admin: TopologyAdmin } {
  if (rabbitMq === undefined) {
    const broker = createEmbeddedBroker({ clock: systemClock });
    for (const { name, type } of userExchanges) broker.declareExchange(name, type);
    return { connection: broker.connect(), admin: broker.admin };
  }
  const { amqpUrl, managementUrl, vhost } = rabbitMq;
  const admin = managementAdmin({ url: managementUrl, vhost });
  return { connection: connectRabbitMq({ url: amqpUrl, name: 'eventagent dev', clock: systemClock }), admin };
}

/** A store that has answered once. Rejects with `StoreError`, so that a session does not start only to wait for it. */
export async function storeFor(redis: RedisTarget | undefined): Promise<OwnedStore> {
  if (redis === undefined) return createMemoryStore(systemClock);
  let failure: string | undefined;
  const store = createRedisStore({
    url: redis.url,
    onError: (message) => {
      failure ??= message;
    },
  });
  try {
    await store.read({ agent: { namespace: '', name: '' }, event: 'start' });
    // Where the database of the URL cannot be had, the client says so and goes on with another one.
    if (failure !== undefined) throw new StoreError('Unreachable', failure);
    return store;
  } catch (cause) {
    await store.close();
    const problem = failure ?? 'it does not answer as a Redis does';
    throw new StoreError(
      'Unreachable',
      `${redis.namedBy}: the store at ${redis.place} cannot be used: ${problem}${redisRemedy(problem, redis.namedBy)}`,
      {
        cause,
      },
    );
  }
}

/** What to do about a Redis that cannot be used from the start, where its problem does not say so itself. */
function redisRemedy(problem: string, namedBy: string): string {
  if (/; (correct|write) /.test(problem)) return '';
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR invalid password)\b/.test(problem)) return `; correct user and password in ${namedBy}`;
  if (/\bDB index\b/.test(problem)) return `; correct the number of the database at the end of ${namedBy}`;
  if (problem.startsWith('no TLS')) return '; write redis:// instead of rediss:// if it speaks none';
  if (problem.startsWith('its certificate is signed by no CA')) return '; set SSL_CERT_FILE to a file with the certificate of its CA';
  return `; start it, or correct ${namedBy}`;
}

/** What to do about a broker that cannot be used from the start. */
const remedies: Partial<Readonly<Record<BrokerErrorCode, string>>> = {
  Unreachable: 'start it, or correct --rabbitmq',
  LoginRefused: 'correct user, password and virtual host in --rabbitmq',
  ManagementFailed: 'enable the management plugin, or say with --rabbitmq-management where it is',
};

/** The error that a session could not start for; a broker's with what to do about it. */
export function withRemedy(error: unknown): unknown {
  const remedy = error instanceof BrokerError ? remedies[error.code] : undefined;
  return error instanceof BrokerError && remedy !== undefined
    ? new BrokerError(error.code, `${error.message}; ${remedy}`, { cause: error })
    : error;
}
