import type { MessageCountTokensParams, MessageCreateParamsStreaming } from '@anthropic-ai/sdk/resources/messages';
import type { ModelRequest } from './port.ts';

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

/** As many input tokens can be billed at most for a request that nobody has counted: a token is at least one byte of it. */
export function inputUpperBound(request: ModelRequest): number {
  return Buffer.byteLength(JSON.stringify(paramsFor(request)));
}
