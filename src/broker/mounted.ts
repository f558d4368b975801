import type { Clock } from '../lib/clock.ts';
import { readConnectionSecret, type ServerKind } from '../lib/connection-secret.ts';
import type { Log } from '../lib/log.ts';
import { Termination } from '../lib/termination.ts';
import { connectRabbitMq } from './amqp.ts';
import { type BrokerConnection, BrokerError } from './port.ts';

/** RabbitMQ, as connection Secrets lead to it. */
const rabbitMq: ServerKind = {
  what: 'the broker',
  scheme: 'amqp',
  tlsScheme: 'amqps',
  tlsPort: 5671,
  needsLogin: true,
  path: 'vhost',
  example: 'amqp://user:password@host:5672/vhost (amqps: for TLS)',
};

/** A connection to the broker of a mounted connection Secret. The caller closes the connection. */
export interface MountedBroker {
  readonly connection: BrokerConnection;
  /** Why there is no connection at the moment; `undefined` while there is one. */
  problem(): string | undefined;
}

/**
 * Connects to the RabbitMQ that the connection Secret at `folder` names, and again whenever the connection is lost: the Secret is then read anew, so that a rotated login
 * needs no restart. What keeps it from connecting goes to the log once. Returns at once. Throws `InputError` as `readConnectionSecret`.
 */
export function connectMountedBroker(
  folder: string,
  options: { readonly name: string; readonly clock: Clock; readonly log: Log },
): MountedBroker {
  const { name, clock, log } = options;
  const presentAddress = () => readConnectionSecret(folder, rabbitMq);
  let problem: string | undefined = 'there has been no connection to the broker yet';
  let logged: string | undefined;
  const connection = connectRabbitMq({
    ...presentAddress(),
    name,
    clock,
    presentAddress,
    onChange: (failure) => {
      problem = failure === undefined ? undefined : `there is no connection to the broker: ${failure}`;
      if (failure === logged) return;
      logged = failure;
      if (failure === undefined) log.info('connected to the broker');
      else log.warn('there is no connection to the broker; it is tried again and again', { error: failure });
    },
  });
  return { connection, problem: () => problem };
}

/**
 * Waits for the first connection, for as long as the broker is not there. Rejects with `Termination` (`BrokerLoginRefused`) where it refuses the login: a process that
 * starts with a wrong password is not to replace one that works. Rejects with the signal's reason when that is aborted first.
 */
export async function firstBrokerConnection(connection: BrokerConnection, signal: AbortSignal): Promise<void> {
  try {
    await (await connection.openChannel({ prefetch: 1 }, signal)).close();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BrokerError && error.code === 'LoginRefused')
      throw new Termination(
        'BrokerLoginRefused',
        `${error.message}; correct the connection Secret of the broker, or the user's permissions`,
        {
          cause: error,
        },
      );
    throw error;
  }
}
