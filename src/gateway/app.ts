import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GatewayConfiguration, Route, Secrets } from '../api/configuration.ts';
import { type EventAttributes, messageFor } from '../api/event.ts';
import type { metrics } from '../api/metrics.ts';
import type { BrokerConnection } from '../broker/port.ts';
import type { Clock } from '../lib/clock.ts';
import { InputError, messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { traceContextOf } from '../lib/trace-context.ts';
import { noTracer, type Span, type Tracer } from '../lib/tracing.ts';
import { type ByteBudget, createByteBudget, readBody } from './body.ts';
import { aborted, afterPublish, type Ending, handshake, plain, taken, withError } from './ending.ts';
import { Publisher, type PublishResult } from './publisher.ts';
import { codeOf, reasons } from './reasons.ts';
import { createRefusalLog, type RefusalLog } from './refusal-log.ts';
import { expectsInvitation, respond, respondEarly } from './respond.ts';
import { readCloudEvent } from './sources/cloud-events.ts';
import { readGitHub } from './sources/github.ts';
import { type Reading, type Source, withHop } from './sources/reading.ts';
import { parseTopicPattern, type TopicPattern, topicMatches } from './topic.ts';
import { beginVerification } from './verify/verify.ts';

/** What a gateway is made of. */
export interface GatewayParts {
  readonly configuration: GatewayConfiguration;
  readonly secrets: Secrets;
  readonly connection: BrokerConnection;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics<typeof metrics>;
  /** Where events are traced; nowhere, if missing. */
  readonly tracer?: Tracer;
  /** Which refused requests the log tells of: those that the gateway owes its senders (5xx), as it is by default, or all, for a machine on which somebody tries things out. */
  readonly toldRefusals?: 'owed' | 'all';
  /** What is answered with the 404 at paths that have no route, where it is more than that there is none. */
  readonly unserved?: ReadonlyMap<string, string> | undefined;
}

/** GitHub gives up after 10 s (https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks), most others later. */
const CONFIRM_DEADLINE_MS = 8_000;

/** Bodies of all requests together, received and not yet confirmed. Twice as much may be held for a moment, while a body is put together. */
const MAX_BYTES_IN_HAND = 64 * 1024 * 1024;

/** A route with what it needs at run time. */
interface ServedRoute {
  readonly route: Route;
  /** `namespace/agent/trigger`. */
  readonly label: string;
  readonly source: Source;
  readonly publisher: Publisher;
}

/** Answers the requests of a namespace's senders. Owns the channels that it publishes on. */
export class GatewayApp {
  readonly #parts: GatewayParts;
  readonly #routes: ReadonlyMap<string, ServedRoute>;
  readonly #typePatterns: readonly TopicPattern[];
  readonly #refusals: RefusalLog;
  readonly #budget = createByteBudget(MAX_BYTES_IN_HAND);
  readonly #draining = new AbortController();

  /** Throws `InputError` (`PathTaken`) where two routes have one path. */
  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#routes = servedRoutes(parts, this.#budget);
    this.#typePatterns = parts.configuration.typePatterns.map(parseTopicPattern);
    this.#refusals = createRefusalLog(parts.log, parts.clock);
  }

  /** From now on new requests are told to come again; those whose body is under way are still taken. */
  drain(): void {
    this.#draining.abort();
  }

  /** Ends the channels; to be called when no request is under way any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#routes.values()].map(({ publisher }) => publisher.close()));
  }

  /** Answers one request. Throws nothing. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const served = this.#routes.get(pathOf(request));
    const route = served?.label ?? 'none';
    void this.#endingOf(served, request, response)
      .catch((error: unknown) => {
        const stack = error instanceof Error ? error.stack : undefined;
        this.#parts.log.error('the gateway failed at a request', { route, error: messageOf(error), stack });
        return plain('internal');
      })
      .then((ending) => this.#finish(route, ending, request, response));
  };

  #finish(route: string, { reason, answer }: Ending, request: IncomingMessage, response: ServerResponse): void {
    const code = codeOf(reason);
    this.#parts.metrics.add('eventagent_gateway_requests_total', { route, code: String(code), reason });
    if (code >= 500) this.#refusals.note({ route, reason, code });
    else if (code >= 400 && this.#parts.toldRefusals === 'all')
      this.#refusals.note({
        route,
        reason,
        code,
        error: answer?.body.error,
        ...(reason === 'unknown_route' ? { path: pathOf(request).slice(0, 200) } : {}),
      });
    if (answer === undefined || response.destroyed) return;
    if (this.#draining.signal.aborted) response.setHeader('connection', 'close');
    if (request.complete) respond(response, answer);
    else respondEarly(request, response, answer, this.#parts.clock);
  }

  async #endingOf(served: ServedRoute | undefined, request: IncomingMessage, response: ServerResponse): Promise<Ending> {
    if (served === undefined) return withError('unknown_route', this.#parts.unserved?.get(pathOf(request)) ?? reasons.unknown_route.error);
    if (request.method !== 'POST') return plain('method');
    if (this.#draining.signal.aborted) return plain('shutting_down');
    const { verification, maxBodyBytes } = served.route;
    const receivedAt = this.#parts.clock.now();
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return plain('too_large');
    const verifier = beginVerification(verification, request.rawHeaders, this.#parts.secrets);
    if (typeof verifier === 'string') return plain(verifier);
    if (expectsInvitation(request)) response.writeContinue();
    const body = await readBody(request, maxBodyBytes, this.#budget, verifier.update);
    if (body === 'aborted') return aborted;
    if (typeof body === 'string') return plain(body);
    try {
      return verifier.matches() ? await this.#take(served, request, body, receivedAt) : plain('signature_mismatch');
    } finally {
      this.#budget.give(body.length);
    }
  }

  /** A request whose sender is known and whose body is complete. */
  async #take(served: ServedRoute, request: IncomingMessage, body: Buffer, receivedAt: number): Promise<Ending> {
    if ((request.headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity')
      return withError('content_type', 'send the body as it is, without a content encoding');
    const reading = served.source(request.headers, body);
    if (reading.kind === 'handshake') return handshake;
    if (reading.kind === 'refused') return withError(reading.reason, reading.error);
    const { tracer = noTracer } = this.#parts;
    const span = requestSpan(tracer, served.route, request, reading.event, receivedAt);
    let ending = plain('internal');
    try {
      ending = await this.#publish(served, { ...reading, event: withHop(reading.event, request.headers), body }, span);
      return ending;
    } finally {
      const code = codeOf(ending.reason);
      span.set({ 'http.response.status_code': code });
      span.end(code >= 500 ? ending.reason : undefined);
    }
  }

  async #publish({ route, label, publisher }: ServedRoute, { event, contentType, body }: ReadEvent, parent: Span): Promise<Ending> {
    const { clock, metrics, tracer = noTracer } = this.#parts;
    const byType = 'byType' in route.target;
    if (byType && !this.#typePatterns.some((pattern) => topicMatches(pattern, event.type))) return taken('unbound', event.id);
    const startedAt = clock.now();
    const { exchange } = route.target;
    const span = publishSpan(tracer, exchange, parent);
    // Where nothing is traced here, the event's own trace context goes on as it came.
    const { traceparent = event.traceparent } = span;
    const traced = traceparent === undefined ? event : { ...event, traceparent };
    let result: PublishResult | undefined;
    try {
      result = await publisher.publish({
        ...messageFor(traced, { body, contentType }, startedAt),
        exchange,
        routingKey: 'byType' in route.target ? event.type : route.target.routingKey,
      });
    } finally {
      span.end(result === 'confirmed' ? undefined : (result ?? 'unexpected'));
    }
    if (result === 'confirmed') metrics.observe('eventagent_gateway_publish_seconds', { route: label }, (clock.now() - startedAt) / 1000);
    return afterPublish(result, event.id);
  }
}

/** An event that was read, and the bytes that it came in. */
type ReadEvent = Extract<Reading, { readonly kind: 'event' }> & { readonly body: Buffer };

/** The span of a request whose sender is known, within the sender's trace. https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span */
function requestSpan(
  tracer: Tracer,
  { agent, trigger, path }: Route,
  request: IncomingMessage,
  event: EventAttributes,
  startedAt: number,
): Span {
  const { traceparent } = request.headers;
  const header = typeof traceparent === 'string' && traceContextOf(traceparent) !== undefined ? traceparent : undefined;
  return tracer.start(`POST ${path}`, {
    kind: 'server',
    parent: header ?? event.traceparent,
    startedAt,
    attributes: {
      'http.request.method': 'POST',
      'http.route': path,
      'eventagent.namespace': agent.namespace,
      'eventagent.agent': agent.name,
      'eventagent.trigger': trigger,
      'cloudevents.event_id': event.id,
      'cloudevents.event_type': event.type,
    },
  });
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
function publishSpan(tracer: Tracer, exchange: string, parent: Span): Span {
  return tracer.start(`send ${exchange}`, {
    kind: 'producer',
    parent: parent.traceparent,
    attributes: { 'messaging.system': 'rabbitmq', 'messaging.operation.type': 'send', 'messaging.destination.name': exchange },
  });
}

function servedRoutes({ configuration, connection, clock, log }: GatewayParts, budget: ByteBudget): ReadonlyMap<string, ServedRoute> {
  const served = new Map<string, ServedRoute>();
  for (const route of configuration.routes) {
    const label = `${route.agent.namespace}/${route.agent.name}/${route.trigger}`;
    const other = served.get(route.path);
    if (other !== undefined)
      throw new InputError('PathTaken', `the webhooks ${other.label} and ${label} have the same path ${route.path}: change one of them`);
    served.set(route.path, {
      route,
      label,
      source: route.verification.scheme === 'GitHub' ? readGitHub : readCloudEvent,
      publisher: new Publisher({ connection, clock, log: log.child({ route: label }), deadlineMs: CONFIRM_DEADLINE_MS, budget }),
    });
  }
  return served;
}

/** The path as it was sent: nothing is decoded or tidied, so that no two spellings lead to one route. */
function pathOf(request: IncomingMessage): string {
  const target = request.url ?? '';
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}
