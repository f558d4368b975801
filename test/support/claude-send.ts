import type { ServerResponse } from 'node:http';
import { NO_TOKENS, type TokenUsage } from '../../src/api/tokens.ts';
import { sleep, systemClock } from '../../src/lib/clock.ts';
import { type Answer, errorBody, type Fault, type Refusal } from './claude-behaviour.ts';
import type { ClaudeRequest } from './claude-request.ts';
import { messageDelta, messageFor, messageStart, piecesOf, sse, tokensOf, wholeMessage } from './claude-wire.ts';

/** How sending ended. */
export interface SendEnd {
  /** `failed`: an error status, or an error within the stream; `cut`: broken off by the stub, without a word. */
  readonly outcome: 'completed' | 'failed' | 'cut' | 'aborted-by-client';
  /** 0: it ended before there was one. */
  readonly status: number;
  /** In full if completed; nothing for an error status; otherwise the input, and the output as far as it was sent. */
  readonly billed: TokenUsage;
}

/** Where a request's answer goes. */
export interface Sending {
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Told once how it ended, before the client can know: whoever has seen the end of an answer finds it in the books. */
  readonly book: (end: SendEnd) => void;
  /** Told when the answer has come to its hold. */
  readonly onHold: (at: 'headers' | 'stream') => void;
}

/** Sends an error status, which costs nothing. */
export async function sendRefusal({ response, requestId, book }: Sending, refusal: Refusal): Promise<void> {
  await sleep(systemClock, refusal.delayMs ?? 0);
  book({ outcome: 'failed', status: refusal.status, billed: NO_TOKENS });
  const contentType = refusal.body === undefined ? 'application/json' : 'text/plain';
  response.writeHead(refusal.status, { 'content-type': contentType, 'request-id': requestId, ...refusal.headers });
  response.end(errorBody(refusal, requestId));
}

/** Sends an answer as it is scripted, streaming or not, for as long as the client is there. */
export async function sendAnswer(sending: Sending, request: ClaudeRequest, answer: Answer): Promise<void> {
  const { response } = sending;
  const message = messageFor(request, answer);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const sender = { ...sending, answer, gone: gone.signal };
  let sentBytes = 0;
  let booked = false;
  const complete = () => {
    booked = true;
    sending.book({ outcome: 'completed', status: 200, billed: message.usage });
  };
  try {
    await sleep(systemClock, answer.delayMs ?? 0, gone.signal);
    await pass(sender, 'headers');
    if (!request.stream) {
      complete();
      response.writeHead(200, { 'content-type': 'application/json', 'request-id': sending.requestId }).end(wholeMessage(message));
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'request-id': sending.requestId })
      .flushHeaders();
    await pass(sender, 'start');
    await write(sender, messageStart(message));
    await write(sender, sse({ type: 'ping' }));
    for (let pings = answer.pings?.count ?? 0; pings > 0; pings -= 1) {
      await sleep(systemClock, answer.pings?.everyMs ?? 0, gone.signal);
      await write(sender, sse({ type: 'ping' }));
    }
    await write(sender, sse({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: null } }));
    const pieces = piecesOf(message.text);
    const half = Math.floor(pieces.length / 2);
    for (const piece of pieces.slice(0, half)) sentBytes += await writePiece(sender, piece);
    await pass(sender, 'stream');
    for (const piece of pieces.slice(half)) sentBytes += await writePiece(sender, piece);
    await write(sender, sse({ type: 'content_block_stop', index: 0 }));
    await write(sender, messageDelta(message));
    sender.gone.throwIfAborted();
    complete();
    await write(sender, sse({ type: 'message_stop' }));
    await pass(sender, 'stop');
    response.end();
  } catch (error) {
    const fault = error instanceof Broken ? error.fault : undefined;
    if (!booked) {
      const outcome = fault === undefined ? 'aborted-by-client' : outcomeOf[fault.kind];
      const billed = { ...message.usage, output: Math.min(message.usage.output, tokensOf(sentBytes)) };
      sending.book({ outcome, status: response.headersSent ? 200 : 0, billed });
    }
    if (fault !== undefined) await enact(response, fault);
  }
}

/** What sending is done with. */
interface Sender extends Sending {
  readonly answer: Answer;
  /** Aborted when the connection is. */
  readonly gone: AbortSignal;
}

/** A fault that ends an answer; a stall does not, but waits for the client to. */
type Ending = Exclude<Fault, { readonly kind: 'stall' }>;

class Broken extends Error {
  readonly fault: Ending;

  constructor(fault: Ending) {
    super(fault.kind);
    this.fault = fault;
  }
}

const outcomeOf: Readonly<Record<Ending['kind'], SendEnd['outcome']>> = { cut: 'cut', end: 'cut', garbage: 'failed', error: 'failed' };

/** Passes a point at which the script may hold the answer, or break it. Rejects when it is broken, or the client has gone. */
async function pass(sender: Sender, at: Fault['at']): Promise<void> {
  const { hold, fault } = sender.answer;
  if (hold?.at === at) {
    sender.onHold(hold.at);
    await Promise.race([hold.until, goneFrom(sender.gone)]);
  }
  if (fault?.at !== at) return;
  if (fault.kind === 'stall') await goneFrom(sender.gone);
  else throw new Broken(fault);
}

async function enact(response: ServerResponse, fault: Ending): Promise<void> {
  switch (fault.kind) {
    case 'cut':
      // Bytes that a reset overtakes are lost to the client: what was sent is to arrive first.
      if (response.headersSent) await sleep(systemClock, 20);
      response.socket?.resetAndDestroy();
      return;
    case 'end':
      response.end();
      return;
    case 'garbage':
      response.end('event: content_block_delta\ndata: <html>\n\n');
      return;
    case 'error':
      response.end(sse({ type: 'error', error: { type: fault.type, message: fault.message ?? fault.type } }));
      return;
  }
}

/** Rejects when the client has gone. */
function goneFrom(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Writes a piece of the text, and says how many bytes of text it was. */
async function writePiece(sender: Sender, piece: string): Promise<number> {
  if (sender.answer.chunkDelayMs !== undefined) await sleep(systemClock, sender.answer.chunkDelayMs, sender.gone);
  await write(sender, sse({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: piece } }));
  return Buffer.byteLength(piece);
}

/** Writes, and waits until the connection takes more. */
async function write(sender: Sender, text: string): Promise<void> {
  sender.gone.throwIfAborted();
  if (sender.response.write(text)) return;
  await Promise.race([new Promise((resolve) => sender.response.once('drain', resolve)), goneFrom(sender.gone)]);
}
