import type { Clock } from '../../src/lib/clock.ts';
import { sleep } from '../../src/lib/clock.ts';
import { type Model, ModelError, type ModelErrorCode, type ModelTurn } from '../../src/model/port.ts';

/** What a model does with one request. */
export interface ModelScript {
  readonly delayMs: number;
  readonly fails?: { readonly code: ModelErrorCode; readonly billed: boolean; readonly retryAfterMs?: number };
  readonly stopReason?: ModelTurn['stopReason'];
  /** The answer, where it is to be another one than usual. */
  readonly text?: string;
}

/** What a scripted model bills for a call. */
export const USAGE = { input: 10, output: 20, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

/** A call that was billed. */
export interface Billed {
  readonly prompt: string;
  /** When the call began, in milliseconds since the epoch. */
  readonly at: number;
  readonly tokens: number;
}

/** A model by script, that keeps count of the answers it sold by prompt. */
export interface ScriptedModel {
  readonly model: Model;
  readonly sold: ReadonlyMap<string, number>;
  /** Every call that was billed, whoever heard of it. */
  readonly ledger: readonly Billed[];
}

export function createScriptedModel(clock: Clock, script: (prompt: string) => ModelScript): ScriptedModel {
  const sold = new Map<string, number>();
  const ledger: Billed[] = [];
  const call: Model['call'] = async (request, signal) => {
    const { delayMs, fails, stopReason = 'end_turn', text = `answer to ${request.prompt}` } = script(request.prompt);
    const bill = { prompt: request.prompt, at: clock.now(), tokens: USAGE.input + USAGE.output };
    try {
      await sleep(clock, delayMs, signal);
    } catch {
      ledger.push(bill);
      throw new ModelError('Aborted', 'aborted', { usage: USAGE });
    }
    if (fails?.billed !== false) ledger.push(bill);
    if (fails !== undefined) {
      throw new ModelError(fails.code, fails.code, { usage: fails.billed ? USAGE : 'none', retryAfterMs: fails.retryAfterMs });
    }
    sold.set(request.prompt, (sold.get(request.prompt) ?? 0) + 1);
    return { stopReason, rawStopReason: stopReason, text, model: request.model, usage: USAGE };
  };
  return { model: { call }, sold, ledger };
}
