import { CommanderError } from 'commander';
import { CodedError, InputError, messageOf } from '../lib/errors.ts';
import { type ExitCode, RefusedInput } from './exit.ts';
import { framedOutput } from './in-cluster/framed-output.ts';
import { OUTPUT_VARIABLE } from './in-cluster/frames.ts';
import { watchOutput } from './output-watch.ts';
import { createProgram, refuseUnknownHelp } from './program.ts';
import { heedSignals } from './stop.ts';
import { terminalOn } from './terminal.ts';

const framed = process.env[OUTPUT_VARIABLE.name] === OUTPUT_VARIABLE.value ? framedOutput(process.stdout) : undefined;
// The pod of a Job, where nobody else would end it.
if (framed !== undefined) heedSignals();
const { out, err } = framed ?? { out: process.stdout, err: process.stderr };
const terminal = terminalOn(out, err);
const output = watchOutput(out, 'standard output');
// Nobody is left to be told.
watchOutput(err, 'standard error');
if (framed !== undefined) watchOutput(process.stdout, 'the log');

/** Runs one command and says how it ended. Every error a user can cause is a message, never a stack trace. */
async function main(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const finish = (ended: ExitCode) => {
    code = ended;
  };
  const program = createProgram(terminal, finish, { stdout: out, stderr: err, lost: output.lost });
  try {
    refuseUnknownHelp(program, args);
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said what is wrong already; help and version end in a CommanderError too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof RefusedInput) {
      for (const line of error.lines) terminal.err(line);
      return 2;
    }
    terminal.err(`eventagent: ${messageOf(error)}`);
    if (error instanceof InputError) return 2;
    if (!(error instanceof CodedError)) {
      terminal.err('This is a fault of eventagent itself; the next lines help to find it.');
      terminal.err(String(error instanceof Error ? error.stack : error));
    }
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
const unwritten = await output.settled();
if (unwritten !== undefined) {
  terminal.err(`eventagent: ${unwritten}`);
  process.exitCode = 1;
}
await framed?.end(Number(process.exitCode));
// Nothing may be left that keeps the process: what a command started it has closed. A socket of a peer that does not answer must not hold it up.
process.exit();
