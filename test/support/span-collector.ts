import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bodyOf } from './request-body.ts';
import { createWatchable } from './until.ts';

/** A span as it has arrived. */
export interface CollectedSpan {
  /** `service.name` of the process. */
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it has none. */
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
}

/** A collector of the OpenTelemetry protocol, over HTTP in JSON. */
export interface SpanCollector {
  /** To be `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: () => readonly CollectedSpan[];
  /** Everything that was sent: paths, headers and bodies. */
  readonly received: () => readonly { readonly path: string; readonly headers: Readonly<Record<string, unknown>>; readonly body: string }[];
  /** Answers with this status from now on; 0: not at all. */
  answer(status: number): void;
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

interface KeyValue {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: string;
    readonly boolValue?: boolean;
    readonly doubleValue?: number;
  };
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly kind: number;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly attributes: readonly KeyValue[];
        readonly status: { readonly code?: number };
      }[];
    }[];
  }[];
}

/** Starts a collector. The caller closes it. */
export async function startSpanCollector(): Promise<SpanCollector> {
  const received: { path: string; headers: Readonly<Record<string, unknown>>; body: string }[] = [];
  const spans: CollectedSpan[] = [];
  const watchable = createWatchable();
  let status = 200;
  const server = createServer(async (message, response) => {
    const body = (await bodyOf(message))?.toString('utf8');
    if (body === undefined) return;
    received.push({ path: message.url ?? '', headers: message.headers, body });
    if (status === 200) spans.push(...spansIn(JSON.parse(body) as ExportRequest));
    watchable.changed();
    if (status !== 0) response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => [...spans],
    received: () => [...received],
    answer: (next) => {
      status = next;
    },
    until: watchable.until,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spansIn({ resourceSpans }: ExportRequest): readonly CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, kind, traceId, spanId, parentSpanId = '', attributes, status }) => ({
        service: String(valuesOf(resource.attributes)['service.name']),
        name,
        kind,
        traceId,
        spanId,
        parentSpanId,
        attributes: valuesOf(attributes),
        failed: status.code === 2,
      })),
    ),
  );
}

function valuesOf(attributes: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? (value.intValue === undefined ? undefined : Number(value.intValue)),
    ]),
  );
}
