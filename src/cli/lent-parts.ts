import type { AgentRef } from '../api/names.ts';
import { connectRabbitMq } from '../broker/amqp.ts';
import { connectMountedBroker } from '../broker/mounted.ts';
import type { BrokerConnection } from '../broker/port.ts';
import type { SurveyPorts } from '../dead-letters/survey.ts';
import { systemClock } from '../lib/clock.ts';
import { InputError } from '../lib/errors.ts';
import { silentLog } from '../lib/log.ts';
import { openMountedStore } from '../store/mounted.ts';
import type { OwnedStore } from '../store/port.ts';
import { storeFor, withRemedy } from './dev/parts.ts';
import { REDIS_VARIABLE, rabbitMqOf, redisNamed } from './dev/url-flags.ts';
import { type BrokerFlags, RABBITMQ_VARIABLE } from './dlq/flags.ts';

/** How long the broker may take to give us a channel. */
const CONNECT_DEADLINE_MS = 10_000;

/** What a survey of dead letters works with. */
export function surveying(connection: BrokerConnection): SurveyPorts {
  return { connection, clock: systemClock, connect: connectDeadline };
}

const NAME = 'eventagent dead letters';

/** Aborted when the broker has had its time to give us a channel. */
export function connectDeadline(): AbortSignal {
  return AbortSignal.timeout(CONNECT_DEADLINE_MS);
}

/**
 * Lends a connection to the broker of the flags; without one, in a pod of ours, to the pod's own. Throws `InputError`, or what `use` does, an error of the broker with what to do
 * about it.
 */
export async function withBroker<Result>(flags: BrokerFlags, use: (connection: BrokerConnection) => Promise<Result>): Promise<Result> {
  const rabbitMq = rabbitMqOf(flags.rabbitmq ? { rabbitmq: flags.rabbitmq } : {});
  const folder = process.env.EVENTAGENT_BROKER_DIR;
  if (rabbitMq === undefined && !folder) throw unknownPlace('--rabbitmq', 'broker', RABBITMQ_VARIABLE);
  const connection =
    rabbitMq === undefined
      ? connectMountedBroker(folder ?? '', { name: NAME, clock: systemClock, log: silentLog }).connection
      : connectRabbitMq({ url: rabbitMq.amqpUrl, name: NAME, clock: systemClock });
  try {
    return await use(connection);
  } catch (error) {
    throw rabbitMq === undefined ? error : withRemedy(error);
  } finally {
    await connection.close();
  }
}

/** The flag of every command that asks an agent's store. */
export interface StoreFlags {
  readonly redis?: string;
}

/**
 * Lends an agent's store: that of the flag, else of the environment, which has answered once; without one, in a pod of ours, the pod's own. Throws `InputError` or `StoreError`, or
 * what `use` does.
 */
export async function withStore<Result>(agent: AgentRef, flags: StoreFlags, use: (store: OwnedStore) => Promise<Result>): Promise<Result> {
  const redis = redisNamed(flags, process.env);
  const folder = process.env.EVENTAGENT_STORE_DIR;
  if (redis === undefined && !folder) throw unknownPlace('--redis', 'store', REDIS_VARIABLE);
  const store = redis === undefined ? openMountedStore(folder ?? '', agent, silentLog) : await storeFor(redis);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

function unknownPlace(flag: string, what: string, variable: string): InputError {
  return new InputError(
    'Usage',
    `${flag}: where is the ${what}? Give its URL, or set ${variable}, which no list of processes shows; or have the command run in the agent's cluster: --in-cluster`,
  );
}
