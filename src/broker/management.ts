import { InputError, messageOf } from '../lib/errors.ts';
import { bindingOf, DEPTH_COLUMNS, exchangeOf, listedQueueOf, QUEUE_COLUMNS, queueOf } from './management-rows.ts';
import { BrokerError } from './port.ts';
import type { Binding, BrokerAdmin, ConsumerTimeoutPolicy, ObservedTopology, Removal, Step } from './topology.ts';

/** Where the management API of a RabbitMQ is. */
export interface ManagementOptions {
  /** `http:` or `https:`, with user and password. */
  readonly url: string;
  readonly vhost: string;
  /** Certificate authority of the server, in PEM; without it the system's. */
  readonly ca?: string;
}

/**
 * RabbitMQ writes down which quorum queues it has up to 3 s after a declaration (the delayed write of Erlang's dets). A node that is killed before comes back with the
 * queue and without what it had confirmed: seen on 3.10.8, 4.0.5 and 4.3.6.
 */
const FRESH_QUEUE_MS = 4000;

/**
 * The topology of one virtual host through the management HTTP API (https://www.rabbitmq.com/docs/http-api-reference). Three listings to observe, one repeatable request a change;
 * an unbinding is looked up first, since the API names bindings by a hash. Throws `InputError` (`Usage`) for a URL that is none.
 */
export function managementAdmin(options: ManagementOptions): BrokerAdmin {
  const { origin, authorization } = targetOf(options.url);
  const send = fetchWith(options.ca);
  const vhost = encodeURIComponent(options.vhost);

  async function request(method: string, path: string, what: string, signal: AbortSignal, body?: unknown): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await (await send)(`${origin}/api/${path}`, {
        method,
        signal,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (cause) {
      const why = cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause);
      throw new BrokerError('ManagementFailed', `${what}: no answer from the management API at ${origin}: ${why}`, { cause });
    }
    if (response.status === 401) {
      throw new BrokerError(
        'LoginRefused',
        `${what}: the management API at ${origin} refused the login: user or password are wrong, or the user lacks the tag "management"`,
      );
    }
    if (!response.ok)
      throw new ManagementRefusal(
        response.status,
        `${what}: the management API at ${origin} answered ${response.status}: ${reasonOf(text)}`,
      );
    return text === '' ? undefined : JSON.parse(text);
  }

  const list = async <Item>(
    path: string,
    itemOf: (raw: Readonly<Record<string, unknown>>) => Item,
    signal: AbortSignal,
  ): Promise<readonly Item[]> => {
    const items = await request('GET', path, `listing the virtual host ${options.vhost}`, signal);
    if (!Array.isArray(items))
      throw new BrokerError('ManagementFailed', `the management API at ${origin} answered GET ${path} with something else than a list`);
    return items.map(itemOf);
  };

  async function routes(signal: AbortSignal): Promise<Omit<ObservedTopology, 'queues'>> {
    const [exchanges, bindings] = await Promise.all([
      list(`exchanges/${vhost}?columns=name,type,durable`, exchangeOf, signal),
      list(`bindings/${vhost}`, bindingOf, signal),
    ]);
    return { exchanges, bindings: bindings.filter((binding) => binding !== undefined) };
  }

  return {
    freshQueueMs: FRESH_QUEUE_MS,

    async observe(signal) {
      const [queues, observed] = await Promise.all([list(`queues/${vhost}?columns=${QUEUE_COLUMNS}`, queueOf, signal), routes(signal)]);
      return { ...observed, queues };
    },

    // With `disable_stats=true` it is cheaper, and a queue that has no leader just now then counts 0 instead of nothing.
    queues: (signal) => list(`queues/${vhost}?columns=${QUEUE_COLUMNS},${DEPTH_COLUMNS}`, listedQueueOf, signal),

    routes,

    async remove(removal, signal) {
      const [path, what] = removalOf(removal);
      try {
        await request('DELETE', `${path.kind}/${vhost}/${encodeURIComponent(path.name)}`, what, signal);
      } catch (error) {
        if (removal.do === 'delete-policy' && error instanceof BrokerError && error.code === 'LoginRefused')
          throw new BrokerError(
            'PolicyRefused',
            `${what}: the management API at ${origin} refused it: the user lacks the tag "policymaker", or its password is no longer right`,
          );
        if (!(error instanceof ManagementRefusal && error.status === 404)) throw error;
      }
    },

    async apply(step, signal) {
      const what = describe(step);
      switch (step.do) {
        case 'declare-exchange':
          await request('PUT', `exchanges/${vhost}/${encodeURIComponent(step.exchange.name)}`, what, signal, {
            type: step.exchange.type,
            durable: true,
          });
          return;
        case 'declare-queue':
          await request('PUT', `queues/${vhost}/${encodeURIComponent(step.queue.name)}`, what, signal, {
            durable: true,
            arguments: step.queue.arguments,
          });
          return;
        case 'bind':
          await request('POST', pathOf(step.binding), what, signal, {
            routing_key: step.binding.routingKey,
            arguments: step.binding.arguments ?? {},
          });
          return;
        case 'unbind':
          await unbind(step.binding, what, signal);
          return;
        case 'set-policy':
          await setPolicy(step.policy, what, signal);
      }
    },
  };

  async function setPolicy({ name, queue, consumerTimeoutMs }: ConsumerTimeoutPolicy, what: string, signal: AbortSignal): Promise<void> {
    const policy = {
      pattern: `^${queue.replace(/[^\w-]/g, '\\$&')}$`,
      'apply-to': 'queues',
      // One policy applies to a queue. Those of the platform come first.
      priority: -1_000_000,
      definition: { 'consumer-timeout': consumerTimeoutMs },
    };
    try {
      await request('PUT', `policies/${vhost}/${encodeURIComponent(name)}`, what, signal, policy);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      const remedy = `lower spec.delivery.runTimeoutSeconds to at most 1500`;
      if (error.code === 'LoginRefused')
        throw new BrokerError(
          'PolicyRefused',
          `${what}: the management API at ${origin} refused it: the user lacks the tag "policymaker", or its password is no longer right. Give it the tag, set consumer-timeout to at least ${consumerTimeoutMs} on queue ${queue} by a policy of yours, or ${remedy}`,
          { cause: error },
        );
      if (error instanceof ManagementRefusal && error.status === 400 && /not recognised/.test(error.message))
        throw new BrokerError(
          'PolicyUnknown',
          `${what}: this RabbitMQ cannot let deliveries of one queue be held for longer than others; RabbitMQ 3.12 and later can. Upgrade it, or ${remedy}`,
          { cause: error },
        );
      throw error;
    }
  }

  function pathOf(binding: Binding): string {
    return `bindings/${vhost}/e/${encodeURIComponent(binding.source)}/q/${encodeURIComponent(binding.queue)}`;
  }

  async function unbind(binding: Binding, what: string, signal: AbortSignal): Promise<void> {
    const found = await keyOf(binding, signal);
    if (found === undefined) return;
    try {
      await request('DELETE', `${pathOf(binding)}/${encodeURIComponent(found)}`, what, signal);
    } catch (error) {
      // Somebody else may have removed it meanwhile: then the answer is 404, or on 3.10 sometimes 400.
      if (!(error instanceof ManagementRefusal) || (await keyOf(binding, signal)) !== undefined) throw error;
    }
  }

  /** The API's own name of a binding; `undefined` where there is none, or its exchange or queue is gone. */
  async function keyOf(binding: Binding, signal: AbortSignal): Promise<string | undefined> {
    try {
      const present = await list(pathOf(binding), (raw) => ({ binding: bindingOf(raw), key: String(raw.properties_key) }), signal);
      return present.find((candidate) => candidate.binding !== undefined && sameRoute(candidate.binding, binding))?.key;
    } catch (error) {
      if (error instanceof ManagementRefusal && error.status === 404) return undefined;
      throw error;
    }
  }
}

/** The API answered, and not with success. */
class ManagementRefusal extends BrokerError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('ManagementFailed', message);
    this.status = status;
  }
}

function removalOf(removal: Removal): readonly [{ readonly kind: 'queues' | 'exchanges' | 'policies'; readonly name: string }, string] {
  switch (removal.do) {
    case 'delete-queue':
      return [{ kind: 'queues', name: removal.queue }, `deleting queue ${removal.queue}`];
    case 'delete-exchange':
      return [{ kind: 'exchanges', name: removal.exchange }, `deleting exchange ${removal.exchange}`];
    case 'delete-policy':
      return [{ kind: 'policies', name: removal.policy }, `deleting policy ${removal.policy}`];
  }
}

function sameRoute(a: Binding, b: Binding): boolean {
  const [one, other] = [a.arguments ?? {}, b.arguments ?? {}];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return a.routingKey === b.routingKey && [...names].every((name) => one[name] === other[name]);
}

function describe(step: Step): string {
  switch (step.do) {
    case 'declare-exchange':
      return `declaring exchange ${step.exchange.name}`;
    case 'declare-queue':
      return `declaring queue ${step.queue.name}`;
    case 'bind':
      return `binding queue ${step.binding.queue} to exchange ${step.binding.source} by ${JSON.stringify(step.binding.routingKey)}`;
    case 'unbind':
      return `unbinding queue ${step.binding.queue} from exchange ${step.binding.source} by ${JSON.stringify(step.binding.routingKey)}`;
    case 'set-policy':
      return `setting policy ${step.policy.name}`;
  }
}

/** The API says why in `reason`; where something else than the API answers, its page is of no use to anybody. */
function reasonOf(text: string): string {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null && 'reason' in answer) return String(answer.reason);
  } catch {
    // Not JSON: not the management API.
  }
  return 'no reason given; is this the address of the management API?';
}

function targetOf(text: string): { readonly origin: string; readonly authorization: string } {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new InputError('Usage', "the address of RabbitMQ's management API is not a URL of the form http://user:password@host:15672");
  }
  const user = decodeURIComponent(url.username) || 'guest';
  const password = decodeURIComponent(url.password) || 'guest';
  // The API may be served under a path of its own (management.path_prefix).
  return {
    origin: `${url.origin}${url.pathname.replace(/\/$/, '')}`,
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  };
}

/** `fetch`, with a certificate authority of one's own where one is given. */
async function fetchWith(ca: string | undefined): Promise<typeof fetch> {
  if (ca === undefined) return fetch;
  const { Agent, fetch: fetchByAgent } = await import('undici');
  const dispatcher = new Agent({ connect: { ca } });
  return ((url: string, init: object) => fetchByAgent(url, { ...init, dispatcher })) as unknown as typeof fetch;
}
