import { NO_TOKENS, type TokenUsage } from '../api/tokens.ts';
import type { Clock } from '../lib/clock.ts';
import { waitedOut } from '../lib/waited-out.ts';
import { type Model, ModelError, type ModelRequest, type ModelTurn } from '../model/port.ts';
import type { Attempt } from './breaker/breaker.ts';
import type { Reserved, Uncounted } from './budget/till.ts';
import type { Outcome } from './outcome.ts';
import { type Purchase, purchaseOf } from './spending.ts';

/** A wait that the provider asks for is waited in place up to this long, and this often in one run. */
const WAIT_IN_PLACE_MS = 30_000;
const WAITS_IN_PLACE = 2;

/** What lets a call be made, or says how the run ends instead. */
export interface CallGates {
  /** Whether the provider is to be called now. */
  readonly enter: () => Promise<Attempt | { readonly outcome: Outcome }>;
  /** Whether there is money for it. */
  readonly reserve: (request: ModelRequest) => Promise<Reserved | Uncounted | { readonly outcome: Outcome }>;
}

/** What a turn needs. */
export interface TurnPorts extends CallGates {
  readonly model: Model;
  readonly clock: Clock;
  readonly priceOf: (model: string, usage: Purchase['usage']) => number | undefined;
  /** Told of each call that cost something, as soon as it has ended. */
  readonly onPurchase: (purchase: Purchase) => void;
}

/**
 * Makes one model turn: a usable answer, or how the run ends. `abort` cuts the call; one of `stops` only keeps a wait from being waited out.
 */
export async function modelTurn(
  ports: TurnPorts,
  request: ModelRequest,
  abort: AbortSignal,
  stops: readonly AbortSignal[],
): Promise<{ readonly turn: ModelTurn } | { readonly outcome: Outcome }> {
  for (let waits = 0; ; waits += 1) {
    const attempt = await ports.enter();
    if ('outcome' in attempt) return attempt;
    const reserved = await ports.reserve(request);
    if ('outcome' in reserved) {
      await attempt.neither();
      return reserved;
    }
    const call = 'failed' in reserved ? { error: reserved.failed } : await bought(ports, request, reserved, abort);
    if ('turn' in call) {
      await attempt.succeeded();
      return usable(call.turn);
    }
    const { error } = call;
    const inPlaceMs = error.code === 'RateLimited' && waits < WAITS_IN_PLACE ? error.retryAfterMs : undefined;
    if (inPlaceMs !== undefined && inPlaceMs <= WAIT_IN_PLACE_MS && (await waitedOut(ports.clock, inPlaceMs, [abort, ...stops]))) continue;
    const outcome = outcomeOf(error);
    if (outcome.kind === 'hand-back') await attempt.failed(outcome, error.retryAfterMs ?? 0);
    else await attempt.neither();
    return { outcome };
  }
}

/** One call for which money is reserved. */
async function bought(
  ports: TurnPorts,
  request: ModelRequest,
  reserved: Reserved,
  abort: AbortSignal,
): Promise<{ readonly turn: ModelTurn } | { readonly error: ModelError }> {
  const call = await called(ports, request, abort);
  if (call.usage !== 'none') ports.onPurchase(purchaseOf(ports.priceOf, request.model, call.usage, 'error' in call));
  await reserved.settle(call.usage === 'none' ? NO_TOKENS : call.usage);
  return call;
}

/** One call, with what it used at most. */
async function called(
  { model }: Pick<TurnPorts, 'model'>,
  request: ModelRequest,
  abort: AbortSignal,
): Promise<{ readonly turn: ModelTurn; readonly usage: TokenUsage } | { readonly error: ModelError; readonly usage: TokenUsage | 'none' }> {
  try {
    const turn = await model.call(request, abort);
    return { turn, usage: turn.usage };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { error, usage: error.usage };
  }
}

/** Each stop reason has its own ending: only a finished answer is worth sending on. */
function usable(turn: ModelTurn): { readonly turn: ModelTurn } | { readonly outcome: Outcome } {
  switch (turn.stopReason) {
    case 'end_turn':
    case 'stop_sequence':
      return { turn };
    case 'max_tokens':
      return {
        outcome: {
          kind: 'permanent',
          reason: 'AnswerTruncated',
          error: `the answer reached maxTokens (${turn.usage.output} tokens): raise spec.agent.maxTokens or ask for less`,
        },
      };
    case 'refusal':
      return { outcome: { kind: 'permanent', reason: 'Refused', error: 'the model refused to answer' } };
    case 'model_context_window_exceeded':
      return {
        outcome: {
          kind: 'permanent',
          reason: 'ContextTooLong',
          error: "the answer ran into the end of the model's context: shorten the prompt",
        },
      };
    case 'tool_use':
      return { outcome: { kind: 'permanent', reason: 'ToolUse', error: 'the model asked for a tool, and the agent has none' } };
    case 'pause_turn':
      return {
        outcome: { kind: 'permanent', reason: 'TurnPaused', error: 'the model paused its turn, which this version does not resume' },
      };
    case 'other':
      return {
        outcome: {
          kind: 'permanent',
          reason: 'UnknownStop',
          error: `the model stopped with ${turn.rawStopReason.slice(0, 80)}, which this version does not know`,
        },
      };
    default:
      return turn.stopReason satisfies never;
  }
}

function outcomeOf(error: ModelError): Outcome {
  const message = error.message;
  const retryAfter = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
  switch (error.code) {
    case 'Overloaded':
    case 'RateLimited':
    case 'Unauthorized':
    case 'Forbidden':
    case 'ModelNotFound':
    case 'SpendLimit':
    case 'Unreachable':
      return { kind: 'hand-back', reason: error.code, error: message };
    case 'ServerError':
      return { kind: 'transient', reason: 'ModelServerError', error: message, ...retryAfter };
    case 'Stalled':
      return { kind: 'transient', reason: 'ModelStalled', error: message };
    case 'Cut':
      return { kind: 'transient', reason: 'ModelCut', error: message };
    case 'BadRequest':
      return { kind: 'permanent', reason: 'ModelBadRequest', error: message };
    case 'TooLarge':
      return { kind: 'permanent', reason: 'ContextTooLong', error: message };
    case 'Aborted':
      return { kind: 'transient', reason: 'RunTimeout', error: message };
    default:
      return error.code satisfies never;
  }
}
