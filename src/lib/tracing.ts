/** What a span is to its trace. https://opentelemetry.io/docs/specs/otel/trace/api/#spankind */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer';

/** Facts about a span by name, as OpenTelemetry's semantic conventions call them. Never a payload, a prompt or a secret. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** One step of a trace, under way. */
export interface Span {
  /** W3C trace context for what this step causes (https://www.w3.org/TR/trace-context/#traceparent-header); `undefined` where nothing is traced. */
  readonly traceparent: string | undefined;
  set(attributes: SpanAttributes): void;
  /** Ends it; the first end counts. `errorType`: a word of a closed set, where the step failed. */
  end(errorType?: string): void;
}

/** How a span begins. */
export interface SpanStart {
  readonly kind: SpanKind;
  /** The trace context that it continues; without one, or with one that cannot be read, a trace begins. */
  readonly parent?: string | undefined;
  readonly attributes?: SpanAttributes;
  /** Milliseconds since the epoch; now, if missing. */
  readonly startedAt?: number;
}

/** Where spans are begun. Costs its caller no wait and no failure. */
export interface Tracer {
  start(name: string, start: SpanStart): Span;
}

const NO_SPAN: Span = { traceparent: undefined, set: () => {}, end: () => {} };

/** Traces nothing. */
export const noTracer: Tracer = { start: () => NO_SPAN };
