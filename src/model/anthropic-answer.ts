import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import { NO_TOKENS } from '../api/tokens.ts';
import type { ModelTurn, StopReason, TokenUsage } from './port.ts';

/** An answer as far as its stream has come. */
export interface AnswerSoFar {
  /** The model that answers; missing until the stream has said it, and with it the prompt's tokens. */
  readonly model?: string;
  readonly usage: TokenUsage;
  readonly text: string;
  readonly rawStopReason: string | null;
  /** The stream has said that nothing follows. */
  readonly complete: boolean;
}

/** Before the first event. */
export const NO_ANSWER_YET: AnswerSoFar = {
  usage: NO_TOKENS,
  text: '',
  rawStopReason: null,
  complete: false,
};

/**
 * The answer with one more event of the stream. Kinds of events and blocks that are not text are passed over.
 * Throws where an event is not what the Messages API documents. https://platform.claude.com/docs/en/build-with-claude/streaming
 */
export function withEvent(answer: AnswerSoFar, event: RawMessageStreamEvent): AnswerSoFar {
  if (event.type === 'message_start') {
    const { model, usage } = event.message;
    return { ...answer, model, usage: usageAtStart(usage) };
  }
  if (event.type === 'content_block_start' && event.content_block.type === 'text') {
    return { ...answer, text: answer.text + event.content_block.text };
  }
  if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
    return { ...answer, text: answer.text + event.delta.text };
  }
  if (event.type === 'message_delta') {
    return { ...answer, rawStopReason: event.delta.stop_reason, usage: usageLater(answer.usage, event.usage) };
  }
  return event.type === 'message_stop' ? { ...answer, complete: true } : answer;
}

/** The object in an event of the stream. Throws without a word of the data, which may be the model's text. */
export function parseData(data: string): object {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw new TypeError('an event of the stream is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw new TypeError('an event of the stream is no JSON object');
  return value;
}

/** The turn that a complete answer is. */
export function turnOf(answer: AnswerSoFar, asked: { readonly model: string }, requestId: string | null): ModelTurn {
  const rawStopReason = answer.rawStopReason ?? 'none';
  return {
    stopReason: isStopReason(rawStopReason) ? rawStopReason : 'other',
    rawStopReason,
    text: answer.text,
    model: answer.model ?? asked.model,
    usage: answer.usage,
    ...(requestId === null ? {} : { requestId }),
  };
}

/** Figures as they stand in an event: numbers, `null` or absent. */
interface Figures {
  readonly input_tokens?: number | null;
  readonly output_tokens?: number | null;
  readonly cache_read_input_tokens?: number | null;
  readonly cache_creation_input_tokens?: number | null;
  readonly cache_creation?: { readonly ephemeral_1h_input_tokens: number } | null;
}

function usageAtStart(figures: Figures): TokenUsage {
  const written = tokens(figures.cache_creation_input_tokens) ?? 0;
  const hour = tokens(figures.cache_creation?.ephemeral_1h_input_tokens) ?? 0;
  return {
    input: tokens(figures.input_tokens) ?? 0,
    output: tokens(figures.output_tokens) ?? 0,
    cacheRead: tokens(figures.cache_read_input_tokens) ?? 0,
    cacheWrite5m: Math.max(0, written - hour),
    cacheWrite1h: hour,
  };
}

/** Figures of a `message_delta` are totals of the whole message so far, and only those that are given count. */
function usageLater(before: TokenUsage, figures: Figures): TokenUsage {
  const written = tokens(figures.cache_creation_input_tokens);
  return {
    input: tokens(figures.input_tokens) ?? before.input,
    output: tokens(figures.output_tokens) ?? before.output,
    cacheRead: tokens(figures.cache_read_input_tokens) ?? before.cacheRead,
    // Only the start of the stream tells the two caches apart; the one-hour share does not change afterwards.
    cacheWrite5m: written === undefined ? before.cacheWrite5m : Math.max(0, written - before.cacheWrite1h),
    cacheWrite1h: before.cacheWrite1h,
  };
}

/** A count of tokens; a wrong one is money, so it is refused rather than taken for nothing. */
function tokens(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError('a token count is no whole number');
  return value;
}

const stopReasons: ReadonlySet<string> = new Set<Exclude<StopReason, 'other'>>([
  'end_turn',
  'stop_sequence',
  'max_tokens',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
]);

function isStopReason(value: string): value is Exclude<StopReason, 'other'> {
  return stopReasons.has(value);
}
