import { CodedError } from '../lib/errors.ts';

/** How a command ends, as scripts see it. The reference page lists exactly these. */
export const exitCodes = {
  0: 'Done.',
  1: 'Failed while running: a broker, a store or a run; or what was to be said could not be written.',
  2: 'Wrong usage or input: the message names the file, the line and the field, or the flag.',
} as const;

/** One of the exit codes. */
export type ExitCode = keyof typeof exitCodes;

/** Input that is wrong in several places; each line says what, where, and what to do. */
export class RefusedInput extends CodedError<'InvalidResource'> {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super('InvalidResource', lines.join('\n'));
    this.lines = lines;
  }
}
