import type { Clock } from '../lib/clock.ts';
import type { Span, Tracer } from '../lib/tracing.ts';
import { type Model, ModelError } from '../model/port.ts';
import type { Arrival } from './arrival.ts';
import type { Outcome } from './outcome.ts';
import type { Send } from './outputs/send.ts';
import type { Program } from './program.ts';
import type { Settlement } from './settle.ts';
import { type EndName, endOf } from './witness.ts';

/** Ends of a delivery that a trace shows as failures. */
const FAILED: ReadonlySet<EndName> = new Set(['dead', 'retried', 'handed_back', 'interrupted']);

/** The span of a delivery, within the trace that its message belongs to. https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
export function deliverySpan(tracer: Tracer, { configuration, names }: Program, { envelope }: Arrival, clock: Clock): Span {
  const { attributes, progress } = envelope;
  const { namespace, name } = configuration.agent;
  return tracer.start(`process ${names.work}`, {
    kind: 'consumer',
    parent: attributes.traceparent,
    startedAt: clock.now(),
    attributes: {
      'messaging.system': 'rabbitmq',
      'messaging.operation.type': 'process',
      'messaging.destination.name': names.work,
      'eventagent.namespace': namespace,
      'eventagent.agent': name,
      ...(attributes.id === undefined ? {} : { 'cloudevents.event_id': attributes.id }),
      'cloudevents.event_type': attributes.type,
      'eventagent.attempt': progress.attempt,
    },
  });
}

/** Ends the span of a delivery with what became of it. */
export function endDeliverySpan(span: Span, outcome: Outcome, settlement: Settlement): void {
  const { name, reason } = endOf(outcome, settlement);
  span.set({ 'eventagent.outcome': name, ...(reason === '' ? {} : { 'eventagent.reason': reason }) });
  span.end(FAILED.has(name) ? reason || name : undefined);
}

/** A model whose calls are spans. https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ */
export function tracedModel(model: Model, tracer: Tracer, parent: Span): Model {
  return {
    async call(request, signal) {
      const span = tracer.start(`chat ${request.model}`, {
        kind: 'client',
        parent: parent.traceparent,
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'anthropic',
          'gen_ai.request.model': request.model,
          'gen_ai.request.max_tokens': request.maxTokens,
        },
      });
      try {
        const turn = await model.call(request, signal);
        const { input, cacheRead, cacheWrite5m, cacheWrite1h, output } = turn.usage;
        span.set({
          'gen_ai.response.model': turn.model,
          'gen_ai.usage.input_tokens': input + cacheRead + cacheWrite5m + cacheWrite1h,
          'gen_ai.usage.output_tokens': output,
        });
        span.end();
        return turn;
      } catch (error) {
        span.end(error instanceof ModelError ? error.code : 'unexpected');
        throw error;
      }
    },
  };
}

/**
 * A way out whose requests are spans, and carry their trace context unless the agent has set that header itself.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 */
export function tracedSend(send: Send, tracer: Tracer, parent: Span): Send {
  return async (outgoing, signal) => {
    const { method, url, headers } = outgoing.request;
    // The host alone: path and query can be made of the event.
    const host = URL.parse(url)?.host;
    const span = tracer.start(method, {
      kind: 'client',
      parent: parent.traceparent,
      attributes: {
        'http.request.method': method,
        ...(host === undefined ? {} : { 'server.address': host }),
        'eventagent.output': outgoing.output,
      },
    });
    const { traceparent } = span;
    const isSet = [headers, outgoing.secretHeaders].some((given) =>
      Object.keys(given).some((name) => name.toLowerCase() === 'traceparent'),
    );
    const carrying = traceparent === undefined || isSet ? {} : { traceparent };
    try {
      const answer = await send({ ...outgoing, request: { ...outgoing.request, headers: { ...headers, ...carrying } } }, signal);
      if (answer.kind === 'answered') span.set({ 'http.response.status_code': answer.status });
      span.end(answer.kind !== 'answered' ? answer.kind : answer.status >= 400 ? String(answer.status) : undefined);
      return answer;
    } catch (error) {
      span.end('unexpected');
      throw error;
    }
  };
}
