import type { SpanAttributes, SpanKind } from './tracing.ts';

/** A span that has ended. Times in milliseconds since the epoch. */
export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: SpanAttributes;
  readonly failed: boolean;
}

/** https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto, `SpanKind` */
const kinds: Readonly<Record<SpanKind, number>> = { server: 2, client: 3, producer: 4, consumer: 5 };

/** Likewise, `StatusCode`. */
const STATUS_ERROR = 2;

/** Sampled (bit 0), and whether the parent is of another process is not said. Likewise, `SpanFlags`. */
const FLAGS = 1;

/**
 * Spans as a request of the OpenTelemetry protocol in JSON: ids in hexadecimal digits, enums as numbers, 64-bit integers as strings.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function otlpJson(
  spans: readonly EndedSpan[],
  from: { readonly resource: SpanAttributes; readonly scope: { readonly name: string; readonly version: string } },
): string {
  return JSON.stringify({
    resourceSpans: [
      { resource: { attributes: keyValues(from.resource) }, scopeSpans: [{ scope: from.scope, spans: spans.map(spanJson) }] },
    ],
  });
}

function spanJson(span: EndedSpan): object {
  const { traceId, spanId, parentSpanId, name, kind, startedAt, endedAt, attributes, failed } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    flags: FLAGS,
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoText(startedAt),
    endTimeUnixNano: nanoText(endedAt),
    attributes: keyValues(attributes),
    status: failed ? { code: STATUS_ERROR } : {},
  };
}

/** More than a number holds exactly. */
function nanoText(ms: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n);
}

function keyValues(attributes: SpanAttributes): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueJson(value) }));
}

function valueJson(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
