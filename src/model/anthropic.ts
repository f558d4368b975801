import type Anthropic from '@anthropic-ai/sdk';
import { APIError, type Middleware } from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/core/streaming';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import { NO_TOKENS } from '../api/tokens.ts';
import type { Clock } from '../lib/clock.ts';
import { InputError } from '../lib/errors.ts';
import { FetchFailed } from '../lib/http-fetch.ts';
import { isJsonObject } from '../lib/json-object.ts';
import { type AnswerSoFar, NO_ANSWER_YET, parseData, turnOf, withEvent } from './anthropic-answer.ts';
import { anthropicClient, PUBLIC_BASE_URL } from './anthropic-client.ts';
import { type CallEnd, modelErrorFor } from './anthropic-failure.ts';
import { countParamsFor, paramsFor, usageBound } from './anthropic-request.ts';
import { type Model, ModelError, type ModelRequest, type ModelTurn, type TokenCounter, type TokenUsage } from './port.ts';
import { type Silence, watchSilence } from './silence.ts';

/** How an agent's model is reached. */
export interface AnthropicOptions {
  /** Read at each call, so that a rotated key is seen; `undefined` where it cannot be read. */
  readonly apiKey: () => string | undefined;
  /** Scheme, host and the path before `/v1/messages`. */
  readonly baseUrl?: string;
  readonly clock: Clock;
  /** A call without a single event for so long is given up as `Stalled`, before the answer begins and within it; default 90,000. */
  readonly stallMs?: number;
  readonly userAgent?: string;
}

/** The provider sends a `ping` every few seconds while a model thinks. https://platform.claude.com/docs/en/build-with-claude/streaming */
const STALL_MS = 90_000;

/** How long the end of the HTTP answer may come after the end of the message; waiting for it keeps the connection for the next call. */
const END_OF_BODY_MS = 1_000;

/** The SDK's own timer for headers is a real one; ours, on the given clock, is to fire first. */
const SDK_TIMER_SLACK_MS = 60_000;

/** A model behind the Messages API, called in streaming mode. Throws `InvalidResource` where `baseUrl` is no http(s) URL. */
export function createAnthropicModel(options: AnthropicOptions): Model & TokenCounter {
  const baseUrl = checkedBaseUrl(options.baseUrl ?? PUBLIC_BASE_URL);
  const stallMs = options.stallMs ?? STALL_MS;
  const clientFor = clientPerKey((apiKey) =>
    anthropicClient({
      apiKey,
      baseUrl,
      timeoutMs: stallMs + SDK_TIMER_SLACK_MS,
      ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent }),
    }),
  );

  async function call(request: ModelRequest, signal: AbortSignal): Promise<ModelTurn> {
    const apiKey = usableKey(options.apiKey());
    const watch = watchRequest(options.clock, stallMs, signal);
    const { controller, silence, middleware } = watch;
    let answer = NO_ANSWER_YET;
    let requestId: string | null = null;
    let failure: unknown;
    try {
      // `post` rather than `messages.create`, which prints a warning of its own for some models.
      const response = await clientFor(apiKey)
        .post('/v1/messages', { body: paramsFor(request), stream: true, signal: controller.signal, middleware })
        .asResponse();
      requestId = response.headers.get('request-id');
      // The raw events, since the SDK's stream keeps pings to itself, and a thinking model sends nothing else.
      for await (const event of Stream.rawEvents(response, controller)) {
        silence.broken();
        if (event.event === 'error') throw streamError(event.data, response.headers);
        if (event.data !== '') answer = withEvent(answer, parseData(event.data) as RawMessageStreamEvent);
        if (answer.complete) silence.endAfter(END_OF_BODY_MS);
      }
    } catch (error) {
      failure = error;
    } finally {
      watch.end();
    }
    // A complete answer is paid for, whatever happened to the connection after it.
    if (answer.complete) return turnOf(answer, request, requestId);
    throw modelErrorFor(watch.causeOf(failure), {
      end: watch.endedBy(),
      request,
      apiKey,
      requestId,
      mayHaveCost: upperBound(request, answer),
      now: options.clock.now(),
    });
  }

  async function countTokens(request: ModelRequest, signal: AbortSignal): Promise<number> {
    const apiKey = usableKey(options.apiKey());
    const watch = watchRequest(options.clock, stallMs, signal);
    let requestId: string | null = null;
    try {
      const response = await clientFor(apiKey)
        .post('/v1/messages/count_tokens', {
          body: countParamsFor(request),
          signal: watch.controller.signal,
          middleware: watch.middleware,
        })
        .asResponse();
      requestId = response.headers.get('request-id');
      return countIn(await response.json());
    } catch (error) {
      const now = options.clock.now();
      throw modelErrorFor(watch.causeOf(error), { end: watch.endedBy(), request, apiKey, requestId, mayHaveCost: NO_TOKENS, now });
    } finally {
      watch.end();
    }
  }

  return { call, countTokens };
}

/** A request under way. */
interface RequestWatch {
  /** Its own signal: aborted by the caller's, and when nothing came for too long. */
  readonly controller: AbortController;
  readonly silence: Silence;
  /** Sees why there was no answer. */
  readonly middleware: Middleware[];
  /** Who ended it, if it failed. */
  endedBy(): CallEnd;
  /** What it failed with; the SDK says less: where the signal has fired, or an error's text speaks of a timeout, the error itself is lost. */
  causeOf(error: unknown): unknown;
  end(): void;
}

/** Throws `ModelError` (`Aborted`) where the caller's signal has fired already. */
function watchRequest(clock: Clock, stallMs: number, signal: AbortSignal): RequestWatch {
  if (signal.aborted) throw new ModelError('Aborted', 'The call was aborted before it was sent.', { usage: 'none' });
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  const silence = watchSilence(clock, stallMs, abort);
  let unanswered: FetchFailed | undefined;
  const watchConnection: Middleware = (sent, next) =>
    next(sent).catch((error: unknown) => {
      if (error instanceof FetchFailed) unanswered = error;
      throw error;
    });
  return {
    controller,
    silence,
    middleware: [watchConnection],
    endedBy: () => (signal.aborted ? 'aborted' : silence.tooLong() ? 'stalled' : 'failed'),
    causeOf: (error) => unanswered ?? error,
    end() {
      silence.end();
      signal.removeEventListener('abort', abort);
    },
  };
}

/** The figure in the provider's answer to a count. */
function countIn(answer: unknown): number {
  const count = isJsonObject(answer) ? answer.input_tokens : undefined;
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
  throw new Error('no count in the answer');
}

/** What can be billed at most for a call that ended early. */
function upperBound(request: ModelRequest, answer: AnswerSoFar): TokenUsage {
  return answer.model === undefined ? usageBound(request) : { ...answer.usage, output: request.maxTokens };
}

/** An error that came inside a stream, in the shape that the SDK gives it. */
function streamError(data: string, headers: Headers): APIError {
  return new APIError(undefined, parseData(data), undefined, headers);
}

/** Keeps one client for as long as the key stays the same. */
function clientPerKey(create: (apiKey: string) => Anthropic): (apiKey: string) => Anthropic {
  let current: { readonly apiKey: string; readonly client: Anthropic } | undefined;
  return (apiKey) => {
    if (current?.apiKey !== apiKey) current = { apiKey, client: create(apiKey) };
    return current.client;
  };
}

/** A key that fits into a header; where it does not, `fetch` would repeat it in its error. */
function usableKey(value: string | undefined): string {
  const key = value?.trim();
  if (key === undefined || key === '') {
    throw new ModelError('Unauthorized', 'There is no API key for the model provider: the Secret, or its key, is missing or empty.', {
      usage: 'none',
    });
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new ModelError(
      'Unauthorized',
      'The API key for the model provider holds blanks, line breaks or other characters that no key has.',
      {
        usage: 'none',
      },
    );
  }
  return key;
}

function checkedBaseUrl(baseUrl: string): string {
  const url = URL.parse(baseUrl);
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return baseUrl;
  throw new InputError('InvalidResource', 'The base URL of the model provider must be an http or https URL.', {
    path: 'spec.agent.baseUrl',
  });
}
