import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from './clock.ts';
import { messageOf } from './errors.ts';
import { follow } from './follow.ts';
import { FetchFailed, httpFetch } from './http-fetch.ts';
import type { Log } from './log.ts';
import { type EndedSpan, otlpJson } from './otlp-json.ts';
import { type TraceContext, traceContextOf, traceparentOf } from './trace-context.ts';
import type { Span, SpanAttributes, SpanStart, Tracer } from './tracing.ts';
import { USER_AGENT, version } from './version.ts';

/** Where spans go, and from whom. */
export interface OtlpOptions {
  /** The full URL, `…/v1/traces`. */
  readonly endpoint: URL;
  /** Of each request; may hold a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is said of the process. */
  readonly resource: SpanAttributes;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of spans that did not reach the collector. */
  readonly onDropped: (spans: number) => void;
}

/** The defaults of OpenTelemetry's batching: https://opentelemetry.io/docs/specs/otel/trace/sdk/#batching-processor */
const MAX_QUEUED = 2_048;
const BATCH = 512;
const DELAY_MS = 5_000;

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options */
const EXPORT_MS = 10_000;

/** What is left may take so long when the process ends. */
const CLOSE_MS = 2_000;

/**
 * Sends spans to a collector, as JSON over HTTP, in batches, one request at a time. A collector that is away costs the spans: what it does not take is dropped and counted, and the
 * log says so once until it takes some again.
 */
export class OtlpTracer implements Tracer {
  readonly #options: OtlpOptions;
  readonly #cut = new AbortController();
  readonly #queue: EndedSpan[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  /** Since the collector has last taken some. */
  #dropped = 0;

  constructor(options: OtlpOptions) {
    this.#options = options;
  }

  /** A span of a trace that whoever began it does not want recorded is not, and hands on its parent's context. */
  start(name: string, { kind, parent, attributes = {}, startedAt = this.#options.clock.now() }: SpanStart): Span {
    const context = traceContextOf(parent);
    if (context?.sampled === false) return { traceparent: parent, set: () => {}, end: () => {} };
    const own: TraceContext = { traceId: context?.traceId ?? randomHex(16), spanId: randomHex(8), sampled: true };
    let known = attributes;
    let ended = false;
    return {
      traceparent: traceparentOf(own),
      set: (more) => {
        known = { ...known, ...more };
      },
      end: (errorType) => {
        if (ended) return;
        ended = true;
        this.#take({
          ...own,
          parentSpanId: context?.spanId,
          name,
          kind,
          startedAt,
          endedAt: Math.max(startedAt, this.#options.clock.now()),
          attributes: errorType === undefined ? known : { ...known, 'error.type': errorType },
          failed: errorType !== undefined,
        });
      },
    };
  }

  /** Sends what is left, for 2 s at most; later spans are dropped. Never rejects, and may be repeated. */
  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  #take(span: EndedSpan): void {
    if (this.#closed !== undefined || this.#queue.length >= MAX_QUEUED) {
      this.#drop(1, 'more spans than can be sent');
      return;
    }
    this.#queue.push(span);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#sending !== undefined || this.#closed !== undefined || this.#queue.length === 0) return;
    if (this.#queue.length >= BATCH) this.#sendSome();
    else this.#timer ??= this.#options.clock.timer(DELAY_MS, () => this.#sendSome());
  }

  #sendSome(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending = this.#export(this.#queue.splice(0, BATCH)).finally(() => {
      this.#sending = undefined;
      this.#schedule();
    });
  }

  async #finish(): Promise<void> {
    this.#timer?.cancel();
    const { clock } = this.#options;
    const deadline = clock.timer(CLOSE_MS, () => this.#cut.abort());
    await this.#sending;
    while (this.#queue.length > 0 && !this.#cut.signal.aborted) await this.#export(this.#queue.splice(0, BATCH));
    deadline.cancel();
    if (this.#queue.length > 0) this.#drop(this.#queue.splice(0).length, 'the process ends');
  }

  /** Never rejects. */
  async #export(batch: readonly EndedSpan[]): Promise<void> {
    const { clock, log } = this.#options;
    const cut = new AbortController();
    const unfollow = follow(this.#cut.signal, cut);
    const timer = clock.timer(EXPORT_MS, () => cut.abort());
    try {
      const problem = await this.#post(batch, cut.signal);
      if (problem !== undefined) {
        this.#drop(batch.length, problem);
        return;
      }
      if (this.#dropped > 0)
        log.info('the collector takes spans again', { collector: this.#options.endpoint.origin, dropped: this.#dropped });
      this.#dropped = 0;
    } catch (error) {
      this.#drop(batch.length, cut.signal.aborted ? 'no answer in time' : causeOf(error));
    } finally {
      timer.cancel();
      unfollow();
    }
  }

  /** What is wrong, where the collector did not take the spans. */
  async #post(batch: readonly EndedSpan[], signal: AbortSignal): Promise<string | undefined> {
    const { endpoint, headers, resource } = this.#options;
    const response = await httpFetch(endpoint, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': USER_AGENT },
      body: otlpJson(batch, { resource, scope: { name: 'eventagent', version } }),
      signal,
    });
    await response.arrayBuffer();
    return response.ok ? undefined : `status ${response.status}`;
  }

  #drop(spans: number, error: string): void {
    const { log, endpoint, onDropped } = this.#options;
    if (this.#dropped === 0) log.warn('spans are dropped until the collector takes them', { collector: endpoint.origin, error });
    this.#dropped += spans;
    onDropped(spans);
  }
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** The system's word for what happened to a connection. */
function causeOf(error: unknown): string {
  const cause = error instanceof FetchFailed ? error.cause : error;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : messageOf(error);
}
