import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { fileProblem } from '../../lib/file-problem.ts';
import { RefusedInput } from '../exit.ts';

/** The text of a file. Throws `RefusedInput`. */
export function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RefusedInput([`${file}: ${fileProblem(error)}`]);
  }
}

/** The value in a text of JSON. Throws `RefusedInput` with file and line, which quotes nothing of the text. */
export function parseJson(text: string, file: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const line = lineOfFault(text, error);
    throw new RefusedInput([`${file}${line === undefined ? '' : `:${line}`}: this is not JSON: ${what}`]);
  }
}

/** The runtime names the line only of some faults; a reader of YAML, which JSON is a part of, that of the others. */
function lineOfFault(text: string, error: unknown): number | undefined {
  const [, line] = /\(line (\d+) column \d+\)/.exec(error instanceof Error ? error.message : '') ?? [];
  if (line !== undefined) return Number(line);
  const [first] = parseDocument(text, { schema: 'json' }).errors;
  return first?.linePos?.[0].line;
}
