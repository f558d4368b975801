import type { MessageCountTokensParams, MessageCreateParamsStreaming } from '@anthropic-ai/sdk/resources/messages';
import { NO_TOKENS } from '../api/tokens.ts';
import type { ModelRequest, TokenUsage } from './port.ts';

/** The request as it is sent. */
export function paramsFor(request: ModelRequest): MessageCreateParamsStreaming {
  return { ...countParamsFor(request), max_tokens: request.maxTokens, stream: true };
}

/** What of it the provider counts tokens of. https://platform.claude.com/docs/en/api/messages-count-tokens */
export function countParamsFor(request: ModelRequest): MessageCountTokensParams {
  return {
    model: request.model,
    ...(request.system === undefined ? {} : { system: request.system }),
    messages: [{ role: 'user', content: request.prompt }],
  };
}

/** The most that can be billed for a request, whatever becomes of it: a token is at least one byte of it, nothing is written to a cache, and an answer ends at `maxTokens`. */
export function usageBound(request: ModelRequest): TokenUsage {
  return { ...NO_TOKENS, input: Buffer.byteLength(JSON.stringify(paramsFor(request))), output: request.maxTokens };
}
