import type { Clock } from '../../src/lib/clock.ts';
import { sleep } from '../../src/lib/clock.ts';
import { type Model, ModelError, type ModelErrorCode, type ModelTurn, type TokenCounter } from '../../src/model/port.ts';

/** What a model does with one request. */
export interface ModelScript {
  readonly delayMs: number;
  readonly fails?: { readonly code: ModelErrorCode; readonly billed: boolean; readonly retryAfterMs?: number };
  readonly stopReason?: ModelTurn['stopReason'];
  /** Input tokens, where they are to be others than usual. */
  readonly input?: number;
  /** The answer, where it is to be another one than usual. */
  readonly text?: string;
}

/** What a model says that has to count the tokens of a request. */
export type CountScript = (prompt: string) => { readonly delayMs: number; readonly tokens: number | ModelErrorCode };

/** What a scripted model bills for a call, where its script says no other. */
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
  readonly model: Model & Partial<TokenCounter>;
  readonly sold: ReadonlyMap<string, number>;
  /** Of these, by prompt, those that nobody can use, and that are bought again by whoever runs the event again. */
  readonly unusable: ReadonlyMap<string, number>;
  /** Every call that was billed, whoever heard of it. */
  readonly ledger: readonly Billed[];
  /** The prompts of the requests whose tokens were to be counted. */
  readonly counted: readonly string[];
}

export function createScriptedModel(clock: Clock, script: (prompt: string) => ModelScript, counts?: CountScript): ScriptedModel {
  const sold = new Map<string, number>();
  const unusable = new Map<string, number>();
  const ledger: Billed[] = [];
  const counted: string[] = [];
  const call: Model['call'] = async (request, signal) => {
    const { delayMs, fails, stopReason = 'end_turn', input = USAGE.input, text = `answer to ${request.prompt}` } = script(request.prompt);
    const usage = { ...USAGE, input };
    const bill = { prompt: request.prompt, at: clock.now(), tokens: input + USAGE.output };
    try {
      await sleep(clock, delayMs, signal);
    } catch {
      ledger.push(bill);
      throw new ModelError('Aborted', 'aborted', { usage });
    }
    if (fails?.billed !== false) ledger.push(bill);
    if (fails !== undefined) {
      throw new ModelError(fails.code, fails.code, { usage: fails.billed ? usage : 'none', retryAfterMs: fails.retryAfterMs });
    }
    sold.set(request.prompt, (sold.get(request.prompt) ?? 0) + 1);
    if (stopReason !== 'end_turn') unusable.set(request.prompt, (unusable.get(request.prompt) ?? 0) + 1);
    return { stopReason, rawStopReason: stopReason, text, model: request.model, usage };
  };
  if (counts === undefined) return { model: { call }, sold, unusable, ledger, counted };
  const countTokens: TokenCounter['countTokens'] = async ({ prompt }, signal) => {
    counted.push(prompt);
    const { delayMs, tokens } = counts(prompt);
    await sleep(clock, delayMs, signal).catch(() => {
      throw new ModelError('Aborted', 'aborted', { usage: 'none' });
    });
    if (typeof tokens === 'string') throw new ModelError(tokens, tokens, { usage: 'none' });
    return tokens;
  };
  return { model: { call, countTokens }, sold, unusable, ledger, counted };
}
