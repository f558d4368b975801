import type { TokenUsage } from '../../src/model/port.ts';
import type { Answer } from './claude-behaviour.ts';
import type { ClaudeRequest } from './claude-request.ts';

/** A message that the stub is going to send. */
export interface Message {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly stopReason: string;
  readonly usage: TokenUsage;
  readonly inputAtStart: number;
}

/** The stub's rule for tokens, in place of a tokenizer: four bytes each, rounded up; of the request's body for the input, of the text for the output. */
export function tokensOf(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** The message for an answer. A text beyond `max_tokens` is cut there, as the API does, unless its figures are scripted. */
export function messageFor(request: ClaudeRequest, answer: Answer): Message {
  const wanted = answer.text ?? `Stub answer ${request.ordinal}${request.marker === undefined ? '' : ` for ${request.marker}`}.`;
  const tooLong = answer.usage?.output === undefined && tokensOf(Buffer.byteLength(wanted)) > request.maxTokens;
  const text = tooLong
    ? Buffer.from(wanted)
        .subarray(0, request.maxTokens * 4)
        .toString('utf8')
        .replace(/\uFFFD$/, '')
    : wanted;
  const usage: TokenUsage = {
    input: tokensOf(request.bytes),
    output: tooLong ? request.maxTokens : tokensOf(Buffer.byteLength(text)),
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    ...answer.usage,
  };
  return {
    id: `msg_stub_${request.ordinal}`,
    model: request.model,
    text,
    stopReason: answer.stopReason ?? (tooLong ? 'max_tokens' : 'end_turn'),
    usage,
    inputAtStart: answer.inputAtStart ?? usage.input,
  };
}

/** Pieces that a text is streamed in. */
export function piecesOf(text: string): readonly string[] {
  return text.match(/[\s\S]{1,16}/gu) ?? [];
}

/** One server-sent event. */
export function sse(event: { readonly type: string; readonly [field: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** The first event of a stream: everything but the text, and the figures as they stand then. */
export function messageStart(message: Message): string {
  const usage = { ...inputFigures(message.usage), input_tokens: message.inputAtStart, output_tokens: Math.min(1, message.usage.output) };
  return sse({ type: 'message_start', message: { ...envelope(message), content: [], stop_reason: null, usage } });
}

/** The last but one event: why it stopped, and the totals. */
export function messageDelta(message: Message): string {
  const { cache_creation: _, service_tier: __, ...totals } = inputFigures(message.usage);
  return sse({
    type: 'message_delta',
    delta: { stop_reason: message.stopReason, stop_sequence: null },
    usage: { ...totals, output_tokens: message.usage.output, output_tokens_details: null, server_tool_use: null },
  });
}

/** The whole message, for a request that does not stream. */
export function wholeMessage(message: Message): string {
  const usage = { ...inputFigures(message.usage), output_tokens: message.usage.output };
  return JSON.stringify({
    ...envelope(message),
    content: [{ type: 'text', text: message.text, citations: null }],
    stop_reason: message.stopReason,
    usage,
  });
}

function envelope(message: Message) {
  return { id: message.id, type: 'message', role: 'assistant', model: message.model, stop_sequence: null };
}

function inputFigures(usage: TokenUsage) {
  return {
    input_tokens: usage.input,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    cache_creation: { ephemeral_5m_input_tokens: usage.cacheWrite5m, ephemeral_1h_input_tokens: usage.cacheWrite1h },
    service_tier: 'standard',
  };
}
