import type { BrokerConnection } from '../broker/port.ts';
import type { Clock } from '../lib/clock.ts';
import { follow } from '../lib/follow.ts';
import type { TickPorts } from './run-tick.ts';

/** How long a channel may take to be opened, and a publication to be confirmed. */
const OPEN_MS = 10_000;
const CONFIRM_MS = 30_000;

/** Publishes on a channel of its own that lives for one publication. What goes unconfirmed for too long is given up with its channel. */
export function publishOnce(connection: BrokerConnection, clock: Clock): TickPorts['publish'] {
  return async (publication, signal) => {
    const opening = new AbortController();
    const unfollow = follow(signal, opening);
    const tooLong = clock.timer(OPEN_MS, () => opening.abort(new Error('no channel to the broker in time')));
    const channel = await connection.openChannel({ prefetch: 1 }, opening.signal).finally(() => {
      tooLong.cancel();
      unfollow();
    });
    const close = () => void channel.close();
    const unanswered = clock.timer(CONFIRM_MS, close);
    signal.addEventListener('abort', close, { once: true });
    try {
      return await channel.publish(publication);
    } finally {
      unanswered.cancel();
      signal.removeEventListener('abort', close);
      await channel.close();
    }
  };
}
