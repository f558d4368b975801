import { isJsonObject } from '../../lib/json-object.ts';
import { RefusedInput } from '../exit.ts';
import { parseJson, textOf } from './json-file.ts';

/** What runs have answered, by agent; what names none counts for all. */
export interface Receipts {
  /** Of the runs of an agent (`<namespace>.<name>`) that have bought an answer: how many, and the mean of their output tokens, rounded up; `undefined` where there is none. */
  meanOutput(agent: string): { readonly count: number; readonly tokens: number } | undefined;
}

/**
 * Reads a file of objects with `outputTokens`, as a list or one a line, such as the log of `dev --log json` or of a runner. Objects without `outputTokens`, or with 0 of them
 * (nothing was bought), are passed over. Throws `RefusedInput` where a figure is none, or all are passed over.
 */
export function readReceipts(file: string): Receipts {
  const text = textOf(file);
  const entries = text.trimStart().startsWith('[') ? listIn(text, file) : linesIn(text, file);
  const outputs = entries.flatMap(({ value, place }) => outputOf(value, place));
  if (outputs.length === 0)
    throw new RefusedInput([`${file}: no object with outputTokens above 0 in there: give the receipts of runs, or a log of them in JSON`]);
  return {
    meanOutput(agent) {
      const own = outputs.filter((output) => output.agent === undefined || output.agent === agent);
      if (own.length === 0) return undefined;
      const sum = own.reduce((total, { tokens }) => total + tokens, 0);
      return { count: own.length, tokens: Math.ceil(sum / own.length) };
    },
  };
}

interface Entry {
  readonly value: unknown;
  /** For messages. */
  readonly place: string;
}

const WHAT = 'receipts are objects with outputTokens, in a list or one a line';

function listIn(text: string, file: string): readonly Entry[] {
  const list = parseJson(text, file, WHAT);
  return (Array.isArray(list) ? list : []).map((value: unknown, index) => ({ value, place: `${file}: [${index}]` }));
}

function linesIn(text: string, file: string): readonly Entry[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const place = `${file}:${index + 1}`;
    try {
      return [{ value: JSON.parse(line) as unknown, place }];
    } catch {
      throw new RefusedInput([`${place}: this is not JSON: ${WHAT}`]);
    }
  });
}

function outputOf(value: unknown, place: string): readonly { readonly agent: string | undefined; readonly tokens: number }[] {
  if (!isJsonObject(value)) throw new RefusedInput([`${place}: this is no object: ${WHAT}`]);
  const { outputTokens: tokens, agent } = value;
  if (tokens === undefined || tokens === 0) return [];
  if (typeof tokens !== 'number' || !Number.isSafeInteger(tokens) || tokens < 0)
    throw new RefusedInput([`${place}: outputTokens: it must be a whole number from 0`]);
  return [{ agent: typeof agent === 'string' ? agent : undefined, tokens }];
}
