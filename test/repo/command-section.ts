import type { Command, Option } from 'commander';
import { exitCodes } from '../../src/cli/exit.ts';
import { createProgram } from '../../src/cli/program.ts';
import { table } from './markdown-table.ts';

/** The commands of the command line with their arguments and flags, as the program itself declares them, and its exit codes. */
export function commandSection(): readonly string[] {
  const silent = { out: () => {}, err: () => {} };
  const program = createProgram(silent, () => {});
  return [
    '## Command line',
    program.description(),
    ...commandsOf(program).flatMap(commandLines),
    '### Exit codes',
    table(
      ['Code', 'Meaning'],
      Object.entries(exitCodes).map(([code, meaning]) => [code, meaning]),
    ),
  ];
}

/** One command that can be run, by its whole name (`dlq ls`). */
export interface NamedCommand {
  readonly name: string;
  readonly command: Command;
}

/** All commands that can be run, those below others included. */
export function commandsOf(program: Command, path: readonly string[] = []): readonly NamedCommand[] {
  return program.commands.flatMap((command) => {
    const own = [...path, command.name()];
    return command.commands.length === 0 ? [{ name: own.join(' '), command }] : commandsOf(command, own);
  });
}

function commandLines({ name, command }: NamedCommand): readonly string[] {
  const names = command.registeredArguments.map((argument) => {
    const text = `${argument.name()}${argument.variadic ? '…' : ''}`;
    return argument.required ? text : `[${text}]`;
  });
  return [
    `### eventagent ${[name, ...names].join(' ')}`,
    command.description(),
    ...(command.options.length === 0 ? [] : [table(['Flag', 'Default', 'Meaning'], command.options.map(optionRow))]),
  ];
}

function optionRow({ flags, defaultValue, description, argChoices, envVar }: Option): readonly string[] {
  const given = defaultValue === undefined || defaultValue === false ? '' : `\`${String(defaultValue)}\``;
  const choices = argChoices === undefined ? '' : `: ${argChoices.map((choice) => `\`${choice}\``).join(' or ')}`;
  const variable = envVar === undefined ? '' : `; or the environment variable \`${envVar}\``;
  return [`\`${flags}\``, given, `${description}${choices}${variable}`];
}
