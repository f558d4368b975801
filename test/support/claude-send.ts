import type { ServerResponse } from 'node:http';
import { sleep, systemClock } from '../../src/lib/clock.ts';
import type { TokenUsage } from '../../src/model/port.ts';
import type { Answer, Fault } from './claude-behaviour.ts';
import type { ClaudeRequest } from './claude-request.ts';
import { messageDelta, messageFor, messageStart, piecesOf, sse, tokensOf, wholeMessage } from './claude-wire.ts';

/** How sending ended. */
export interface SendEnd {
  readonly outcome: 'completed' | 'failed' | 'cut' | 'aborted-by-client';
  readonly status: number;
  readonly billed: TokenUsage;
}

/** What a fault ended the answer as. */
class Broken extends Error {
  readonly outcome: 'failed' | 'cut';

  constructor(outcome: 'failed' | 'cut') {
    super(outcome);
    this.outcome = outcome;
  }
}

/** Sends an answer as it is scripted, streaming or not, and says what is billed for it. Never rejects. */
export async function sendAnswer(response: ServerResponse, scripted: Scripted): Promise<SendEnd> {
  const { request, answer, requestId } = scripted;
  const message = messageFor(request, answer);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const sender = { response, answer, gone: gone.signal, onHold: scripted.onHold };
  let sentBytes = 0;
  let allSent = false;
  try {
    await sleep(systemClock, answer.delayMs ?? 0, gone.signal);
    await pass(sender, 'headers');
    if (!request.stream) {
      response.writeHead(200, { 'content-type': 'application/json', 'request-id': requestId }).end(wholeMessage(message));
      return { outcome: 'completed', status: 200, billed: message.usage };
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'request-id': requestId }).flushHeaders();
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
    await write(sender, sse({ type: 'message_stop' }));
    allSent = true;
    await pass(sender, 'stop');
    response.end();
    return { outcome: 'completed', status: 200, billed: message.usage };
  } catch (error) {
    if (allSent) return { outcome: 'completed', status: 200, billed: message.usage };
    const outcome = error instanceof Broken ? error.outcome : 'aborted-by-client';
    const billed = { ...message.usage, output: Math.min(message.usage.output, tokensOf(sentBytes)) };
    return { outcome, status: response.headersSent ? 200 : 0, billed };
  }
}

/** A request, and what it gets. */
export interface Scripted {
  readonly request: ClaudeRequest;
  readonly answer: Answer;
  readonly requestId: string;
  /** Told when the answer has come to its hold. */
  readonly onHold: (at: 'headers' | 'stream') => void;
}

/** What sending is done with. */
interface Sender {
  readonly response: ServerResponse;
  readonly answer: Answer;
  /** Aborted when the connection is. */
  readonly gone: AbortSignal;
  readonly onHold: Scripted['onHold'];
}

/** Passes a point at which the script may hold the answer, or break it. Rejects when it is broken, or the client has gone. */
async function pass(sender: Sender, at: Fault['at']): Promise<void> {
  const { hold, fault } = sender.answer;
  if (hold?.at === at) {
    sender.onHold(hold.at);
    await Promise.race([hold.until, goneFrom(sender.gone)]);
  }
  if (fault?.at === at) await breakOff(sender, fault);
}

async function breakOff(sender: Sender, fault: Fault): Promise<never> {
  const { response } = sender;
  switch (fault.kind) {
    case 'stall':
      return goneFrom(sender.gone);
    case 'cut':
      // Bytes that a reset overtakes are lost to the client: what was sent is to arrive first.
      if (response.headersSent) await new Promise((resolve) => setTimeout(resolve, 20));
      response.socket?.resetAndDestroy();
      throw new Broken('cut');
    case 'end':
      response.end();
      throw new Broken('cut');
    case 'garbage':
      response.end('event: content_block_delta\ndata: <html>\n\n');
      throw new Broken('failed');
    case 'error':
      response.end(sse({ type: 'error', error: { type: fault.type, message: fault.message ?? fault.type } }));
      throw new Broken('failed');
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
