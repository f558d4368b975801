import { appendFileSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { bodyOf } from './request-body.ts';
import { createWatchable } from './until.ts';

/** A request that the sink has received. */
export interface SinkRequest {
  /** From 1, in the order of arrival. */
  readonly ordinal: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Empty where the body was left unread. */
  readonly body: string;
  /** Of the `Idempotency-Key` header. */
  readonly key: string | undefined;
}

/** What the sink does with a request; by default it has its effect and answers 200. */
export interface SinkAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Between the effect and the answer. */
  readonly delayMs?: number;
  /** A gate between the effect and the answer. */
  readonly until?: Promise<void>;
  /** Instead of an answer: none at all with the connection left open, or a reset connection. */
  readonly ending?: 'hang' | 'reset';
  /** Whether the request has its effect; by default if the status is a success, so also where the answer is then lost. */
  readonly effect?: boolean;
}

/** Something that was done, once. Requests without a key are done each time they come. */
export interface SinkEffect {
  readonly key: string | undefined;
  readonly at: number;
  readonly path: string;
  readonly body: string;
}

/** A line of the journal. */
export type JournalLine = ({ readonly kind: 'request' } & SinkRequest) | ({ readonly kind: 'effect' } & SinkEffect);

/** How the sink is to be. */
export interface HttpSinkOptions {
  /** 0, the default: any free one. */
  readonly port?: number;
  /** Decides about each request, once. */
  readonly script?: (request: SinkRequest) => SinkAnswer | undefined;
  /** Whether it honours `Idempotency-Key`; default true. */
  readonly idempotent?: boolean;
  /** A file that each request and each effect is appended to at once, as a line of JSON. */
  readonly journalFile?: string;
}

/** A server on the loopback that takes what outputs send, and remembers it. */
export interface HttpSink {
  readonly url: string;
  requests(): readonly SinkRequest[];
  effects(): readonly SinkEffect[];
  /** Keys that came with another path or body than the first time: a repeat that is not one. */
  conflicts(): readonly string[];
  /** Replaces the script. */
  script(decide: (request: SinkRequest) => SinkAnswer | undefined): void;
  /** Has connections reset before the body is read, which has no effect, for as long as `decide` says so of the request's head. */
  dropUnread(decide: (head: SinkRequest) => boolean): void;
  /** Waits until a condition on the sink holds; rejects after `timeoutMs` (default 30,000). */
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
  /** Drops every connection and stops. */
  close(): Promise<void>;
}

/** Starts a sink. The caller closes it. */
export async function startHttpSink(options: HttpSinkOptions = {}): Promise<HttpSink> {
  const requests: SinkRequest[] = [];
  const effects: SinkEffect[] = [];
  const done = new Map<string, { readonly effect: SinkEffect; readonly answer: SinkAnswer }>();
  const conflicts = new Set<string>();
  const watchable = createWatchable();
  let script = options.script;
  let dropUnread: (head: SinkRequest) => boolean = () => false;
  let arrived = 0;

  function journal(line: JournalLine): void {
    if (options.journalFile !== undefined) appendFileSync(options.journalFile, `${JSON.stringify(line)}\n`);
    watchable.changed();
  }

  function record(request: SinkRequest): void {
    requests.push(request);
    journal({ kind: 'request', ...request });
  }

  /** The answer to a request, after its effect: the stored one where the key has been seen to succeed. */
  function take(request: SinkRequest, answer: SinkAnswer): SinkAnswer {
    const { key, at, path, body } = request;
    const earlier = key === undefined ? undefined : done.get(key);
    if (earlier !== undefined && key !== undefined) {
      if (earlier.effect.path !== path || earlier.effect.body !== body) conflicts.add(key);
      if (options.idempotent ?? true) return { ...earlier.answer, headers: { ...earlier.answer.headers, 'idempotent-replayed': 'true' } };
    }
    if (!(answer.effect ?? isSuccess(answer.status ?? 200))) return answer;
    const effect = { key, at, path, body };
    effects.push(effect);
    if (key !== undefined && earlier === undefined) done.set(key, { effect, answer: storedAnswer(answer) });
    journal({ kind: 'effect', ...effect });
    return answer;
  }

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    arrived += 1;
    const head = headOf(message, arrived);
    if (dropUnread(head)) {
      record(head);
      message.socket.resetAndDestroy();
      return;
    }
    const body = await bodyOf(message);
    if (body === undefined) return;
    const request = { ...head, body: body.toString('utf8') };
    record(request);
    const answer = take(request, script?.(request) ?? {});
    if (answer.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delayMs));
    await answer.until;
    if (answer.ending === 'hang') return;
    if (answer.ending !== undefined) {
      message.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body ?? JSON.stringify({ ok: isSuccess(answer.status ?? 200), effects: effects.length }));
  }

  // A script that throws is a test that fails: nothing catches it.
  const server = createServer((message, response) => void serve(message, response));
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => [...requests],
    effects: () => [...effects],
    conflicts: () => [...conflicts],
    script(decide) {
      script = decide;
    },
    dropUnread(decide) {
      dropUnread = decide;
    },
    until: watchable.until,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The lines of a journal, in the order in which things happened. A last line that is not whole is left out. */
export function readJournal(file: string): readonly JournalLine[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as JournalLine);
}

function headOf(message: IncomingMessage, ordinal: number): SinkRequest {
  const { 'idempotency-key': key } = message.headers;
  return {
    ordinal,
    at: Date.now(),
    method: message.method ?? '',
    path: message.url ?? '',
    headers: message.headers,
    body: '',
    key: typeof key === 'string' ? key : undefined,
  };
}

/** What a repeat gets: the answer at once; where a proxy's error stood in its place, the success that the proxy kept back. */
function storedAnswer({ status = 200, headers, body }: SinkAnswer): SinkAnswer {
  if (!isSuccess(status)) return {};
  return { status, ...(headers === undefined ? {} : { headers }), ...(body === undefined ? {} : { body }) };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** As a process of its own: prints its URL, and keeps a journal that outlives everybody. */
if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, journal: { type: 'string' }, 'delay-ms': { type: 'string', default: '0' } },
  });
  const sink = await startHttpSink({
    port: Number(values.port),
    script: () => ({ delayMs: Number(values['delay-ms']) }),
    ...(values.journal === undefined ? {} : { journalFile: values.journal }),
  });
  process.stdout.write(`${sink.url}\n`);
  process.once('SIGTERM', () => void sink.close());
}
