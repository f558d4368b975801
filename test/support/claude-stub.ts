import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { isPriced } from '../../src/api/prices.ts';
import type { TokenUsage } from '../../src/model/port.ts';
import { type Behaviour, errorBody, isRefusal, type Refusal } from './claude-behaviour.ts';
import { type ClaudeRequest, COUNT_PATH, parseBody, parseRequest, refusalFor } from './claude-request.ts';
import { type SendEnd, sendAnswer, sendRefusal } from './claude-send.ts';
import { tokensOf } from './claude-wire.ts';
import { bodyOf } from './request-body.ts';
import { createWatchable } from './until.ts';

/** What became of one request, and what the provider bills for it. */
export interface LedgerEntry extends SendEnd {
  readonly ordinal: number;
  /** Milliseconds since the epoch: the request's arrival, and its end. */
  readonly at: number;
  readonly endedAt: number;
  readonly model: string;
  readonly marker: string | undefined;
}

/** How the stub is to be. */
export interface ClaudeStubOptions {
  /** 0, the default: any free one. */
  readonly port?: number;
  /** The one key that is let in. */
  readonly apiKey?: string;
  /** Models that exist; by default those that have a price, dated names included. */
  readonly knows?: (model: string) => boolean;
  /** Decides about each request that the API would accept, unless a behaviour was queued; `undefined`: a plain answer. */
  readonly script?: (request: ClaudeRequest) => Behaviour | undefined;
  /** A file that each ledger entry is appended to at once, as a line of JSON. */
  readonly ledgerFile?: string;
}

/** A server on the loopback that speaks the Messages API as the SDK sees it, and keeps the provider's books. */
export interface ClaudeStub {
  readonly url: string;
  /** Requests that have ended, in the order of their ends. */
  ledger(): readonly LedgerEntry[];
  /** Requests that have arrived, ended or not. */
  received(): readonly ClaudeRequest[];
  /** Requests whose tokens were to be counted, which nobody bills. */
  counted(): readonly ClaudeRequest[];
  /** How far the answer to a request that has not ended has come: held before the headers, or with half of the text sent. */
  underWay(ordinal: number): 'headers' | 'stream' | undefined;
  /** Connections that were ever opened. */
  connections(): number;
  /** Replaces the script. */
  script(decide: (request: ClaudeRequest) => Behaviour | undefined): void;
  /** Refuses from now on to count tokens, or does it again. */
  refuseCounts(refusal: Refusal | undefined): void;
  /** Queues behaviours for the next requests, one each. */
  next(...behaviours: readonly Behaviour[]): void;
  /** Waits until a condition on the stub holds; rejects after `timeoutMs` (default 30,000). */
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
  /** Drops every connection and stops. */
  close(): Promise<void>;
}

/** The key that the stub lets in unless it is told another. */
export const STUB_KEY = 'stub-key';

/** Starts a stub. The caller closes it. */
export async function startClaudeStub(options: ClaudeStubOptions = {}): Promise<ClaudeStub> {
  const allowed = { apiKey: options.apiKey ?? STUB_KEY, knows: options.knows ?? isPriced };
  const ledger: LedgerEntry[] = [];
  const received: ClaudeRequest[] = [];
  const counted: ClaudeRequest[] = [];
  const queue: Behaviour[] = [];
  const held = new Map<number, 'headers' | 'stream'>();
  const watchable = createWatchable();
  let script = options.script;
  let noCounts: Refusal | undefined;
  let connections = 0;

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await bodyOf(message);
    if (bytes === undefined) return;
    const body = parseBody(bytes);
    if (message.url === COUNT_PATH) {
      count(message, response, bytes, body);
      return;
    }
    const request = parseRequest(message, bytes, body, { ordinal: received.length + 1, at: Date.now() });
    received.push(request);
    watchable.changed();
    const behaviour = refusalFor(message, body, allowed) ?? queue.shift() ?? script?.(request) ?? {};
    const { ordinal, at, model, marker } = request;
    const sending = {
      response,
      requestId: `req_stub_${ordinal}`,
      book: (end: SendEnd) => enter({ ordinal, at, endedAt: Date.now(), model, marker, ...end }),
      onHold: (where: 'headers' | 'stream') => {
        held.set(ordinal, where);
        watchable.changed();
      },
    };
    await (isRefusal(behaviour) ? sendRefusal(sending, behaviour) : sendAnswer(sending, request, behaviour));
  }

  function count(message: IncomingMessage, response: ServerResponse, bytes: Buffer, body: ReturnType<typeof parseBody>): void {
    const ordinal = counted.length + 1;
    counted.push(parseRequest(message, bytes, body, { ordinal, at: Date.now() }));
    const refusal = refusalFor(message, body, allowed) ?? noCounts;
    const requestId = `req_count_${ordinal}`;
    response.writeHead(refusal?.status ?? 200, { 'content-type': 'application/json', 'request-id': requestId });
    response.end(refusal === undefined ? JSON.stringify({ input_tokens: tokensOf(bytes.length) }) : errorBody(refusal, requestId));
  }

  function enter(entry: LedgerEntry): void {
    held.delete(entry.ordinal);
    ledger.push(entry);
    if (options.ledgerFile !== undefined) appendFileSync(options.ledgerFile, `${JSON.stringify(entry)}\n`);
    watchable.changed();
  }

  // A script that throws is a test that fails: nothing catches it.
  const server = createServer((message, response) => void serve(message, response));
  // An idle connection that the server closes looks like a cut one to the client that picks it in that moment.
  server.keepAliveTimeout = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ledger: () => [...ledger],
    received: () => [...received],
    counted: () => [...counted],
    underWay: (ordinal) => held.get(ordinal),
    connections: () => connections,
    script(decide) {
      script = decide;
    },
    refuseCounts(refusal) {
      noCounts = refusal;
    },
    next: (...behaviours) => void queue.push(...behaviours),
    until: watchable.until,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a ledger bills in all. */
export function billedInAll(entries: readonly Pick<LedgerEntry, 'billed'>[]): TokenUsage {
  const sum = (kind: keyof TokenUsage) => entries.reduce((total, { billed }) => total + billed[kind], 0);
  return {
    input: sum('input'),
    output: sum('output'),
    cacheRead: sum('cacheRead'),
    cacheWrite5m: sum('cacheWrite5m'),
    cacheWrite1h: sum('cacheWrite1h'),
  };
}

/** As a process of its own: prints its URL, and appends its ledger to a file that outlives everybody. */
if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      ledger: { type: 'string' },
      key: { type: 'string', default: STUB_KEY },
      text: { type: 'string' },
      'delay-ms': { type: 'string', default: '0' },
    },
  });
  const { text } = values;
  const stub = await startClaudeStub({
    port: Number(values.port),
    apiKey: values.key,
    script: () => ({ delayMs: Number(values['delay-ms']), ...(text === undefined ? {} : { text }) }),
    ...(values.ledger === undefined ? {} : { ledgerFile: values.ledger }),
  });
  process.stdout.write(`${stub.url}\n`);
  process.once('SIGTERM', () => void stub.close());
}
