import type { IncomingMessage } from 'node:http';
import type { Refusal } from './claude-behaviour.ts';

/** A request to the Messages API, as far as the stub looks into it. */
export interface ClaudeRequest {
  /** From 1, in the order in which the bodies were complete. */
  readonly ordinal: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly model: string;
  readonly maxTokens: number;
  readonly system: string | undefined;
  /** The text of all messages. */
  readonly prompt: string;
  readonly stream: boolean;
  /** Size of the body. */
  readonly bytes: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What a test tells its requests apart by; by default the ID of `[[event:ID]]` in the prompt. */
  readonly marker: string | undefined;
}

/** Parameters that this version of the API no longer has. */
const FORBIDDEN = ['temperature', 'top_p', 'top_k'] as const;

/** Parameters that a count has no use for, and refuses. */
const ONLY_OF_MESSAGES = ['max_tokens', 'stream'] as const;

/** The version of the API that the stub speaks. */
export const API_VERSION = '2026-10-21';

/** Where a request asks for a message, and where for the count of its tokens. */
export const MESSAGES_PATH = '/v1/messages';
export const COUNT_PATH = '/v1/messages/count_tokens';

/** What the API would refuse before any model sees the request; `undefined` where it would not. */
export function refusalFor(
  message: IncomingMessage,
  body: Readonly<Record<string, unknown>> | undefined,
  allowed: { readonly apiKey: string; readonly knows: (model: string) => boolean },
): Refusal | undefined {
  const counts = message.url === COUNT_PATH;
  if (message.method !== 'POST' || (message.url !== MESSAGES_PATH && !counts)) return { status: 404, message: 'Not found' };
  if (message.headers.authorization !== `Bearer ${allowed.apiKey}`) return { status: 401, message: 'invalid bearer token' };
  if (message.headers['anthropic-version'] !== API_VERSION) return { status: 400, message: 'anthropic-version: unknown version' };
  if (body === undefined) return { status: 400, message: 'The request body is not valid JSON' };
  const forbidden = [...FORBIDDEN, ...(counts ? ONLY_OF_MESSAGES : [])].find((name) => name in body);
  if (forbidden !== undefined) return { status: 400, message: `${forbidden}: Extra inputs are not permitted` };
  if (typeof body.model !== 'string') return { status: 400, message: 'model: Field required' };
  if (!allowed.knows(body.model)) return { status: 404, message: `model: ${body.model}` };
  if (!counts && (!Number.isInteger(body.max_tokens) || Number(body.max_tokens) < 1)) {
    return { status: 400, message: 'max_tokens: Input should be greater than or equal to 1' };
  }
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    return { status: 400, message: 'messages: at least one message is required' };
  return undefined;
}

/** The request in a body; what is missing is empty, since it may be one that is refused. */
export function parseRequest(
  message: IncomingMessage,
  bytes: Buffer,
  body: Readonly<Record<string, unknown>> | undefined,
  seen: { readonly ordinal: number; readonly at: number },
): ClaudeRequest {
  const prompt = Array.isArray(body?.messages) ? body.messages.map(textOf).join('\n') : '';
  return {
    ...seen,
    model: typeof body?.model === 'string' ? body.model : '',
    maxTokens: typeof body?.max_tokens === 'number' ? body.max_tokens : 0,
    system: typeof body?.system === 'string' ? body.system : undefined,
    prompt,
    stream: body?.stream === true,
    bytes: bytes.length,
    headers: message.headers,
    marker: /\[\[event:([^\]]+)\]\]/.exec(prompt)?.[1],
  };
}

/** A body's JSON object, where it is one. */
export function parseBody(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(message: { readonly content?: unknown }): string {
  if (typeof message.content === 'string') return message.content;
  if (!Array.isArray(message.content)) return '';
  return message.content.map((block: { readonly text?: unknown }) => (typeof block.text === 'string' ? block.text : '')).join('');
}
