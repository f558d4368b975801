import type { SpanAttributes, SpanKind, Tracer } from '../../src/lib/tracing.ts';

/** A span as the tracer was told of it. */
export interface RecordedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parent: string | undefined;
  readonly attributes: SpanAttributes;
  /** The type of its error, or `well`; missing while it has not ended. */
  readonly end?: string;
}

/** A tracer that keeps what it is told. The trace context of a span is `of <name>`. */
export function recordingTracer(): { readonly tracer: Tracer; readonly seen: () => readonly RecordedSpan[] } {
  const seen: { name: string; kind: SpanKind; parent: string | undefined; attributes: SpanAttributes; end?: string }[] = [];
  return {
    seen: () => seen,
    tracer: {
      start(name, { kind, parent, attributes = {} }) {
        const span: (typeof seen)[number] = { name, kind, parent, attributes };
        seen.push(span);
        return {
          traceparent: `of ${name}`,
          set: (more) => {
            span.attributes = { ...span.attributes, ...more };
          },
          end: (error = 'well') => {
            span.end ??= error;
          },
        };
      },
    },
  };
}
