import type { Clock } from '../lib/clock.ts';
import { sleep } from '../lib/clock.ts';
import { follow } from '../lib/follow.ts';
import { type Model, ModelError, type ModelRequest, type ModelTurn } from '../model/port.ts';
import type { Outcome } from './outcome.ts';
import type { Purchase } from './spending.ts';

/** A wait that the provider asks for is waited in place up to this long, and this often in one run. */
const WAIT_IN_PLACE_MS = 30_000;
const WAITS_IN_PLACE = 2;

/** What a turn needs. */
export interface TurnPorts {
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
    try {
      const turn = await ports.model.call(request, abort);
      ports.onPurchase(purchaseOf(ports, request.model, turn.usage, false));
      return usable(turn);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      if (error.usage !== 'none') ports.onPurchase(purchaseOf(ports, request.model, error.usage, true));
      const inPlaceMs = error.code === 'RateLimited' && waits < WAITS_IN_PLACE ? error.retryAfterMs : undefined;
      if (inPlaceMs === undefined || inPlaceMs > WAIT_IN_PLACE_MS) return { outcome: outcomeOf(error) };
      if (!(await waitedOut(ports.clock, inPlaceMs, [abort, ...stops]))) return { outcome: outcomeOf(error) };
    }
  }
}

/** Whether a wait came to its end before one of the signals. */
async function waitedOut(clock: Clock, delayMs: number, signals: readonly AbortSignal[]): Promise<boolean> {
  const cut = new AbortController();
  const unfollow = signals.map((signal) => follow(signal, cut));
  try {
    await sleep(clock, delayMs, cut.signal);
    return true;
  } catch {
    return false;
  } finally {
    for (const end of unfollow) end();
  }
}

function purchaseOf(ports: TurnPorts, model: string, usage: Purchase['usage'], estimated: boolean): Purchase {
  return { model, usage, estimated, costNanoUsd: ports.priceOf(model, usage) };
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
      return { kind: 'hand-back', reason: error.code, error: message, pause: true, ...retryAfter };
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
