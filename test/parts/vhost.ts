import { randomUUID } from 'node:crypto';
import type { RabbitAddress } from './rabbitmq.ts';

/** A virtual host of our own. Disposing deletes it with all that is in it. */
export interface Vhost extends AsyncDisposable {
  readonly vhost: string;
  /** Names the virtual host. */
  readonly amqpUrl: string;
  /** Of the whole server. */
  readonly managementUrl: string;
}

/** Makes a new virtual host on a server. */
export async function freshVhost(server: RabbitAddress): Promise<Vhost> {
  const vhost = `test-${randomUUID()}`;
  await manage(server, 'PUT', `/api/vhosts/${vhost}`, {});
  return {
    vhost,
    amqpUrl: `${server.amqpUrl}/${vhost}`,
    managementUrl: server.managementUrl,
    async [Symbol.asyncDispose]() {
      await manage(server, 'DELETE', `/api/vhosts/${vhost}`);
    },
  };
}

/** A server that does not answer within this time is frozen, and a test that waits for it says so. */
const ANSWER_MS = 60_000;

/** One request to a server's management API; the JSON that it answered, if any. For what the product itself never does: virtual hosts, policies, users. */
export async function manage(
  server: Pick<RabbitAddress, 'managementUrl'>,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const url = new URL(server.managementUrl);
  const response = await fetch(`${url.origin}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
