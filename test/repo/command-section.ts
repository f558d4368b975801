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

/** A command that does something, as it is called: `eventagent events ls`. */
export interface NamedCommand {
  readonly path: string;
  readonly command: Command;
}

/** The commands below one, those that only hold others left out. */
export function commandsOf(parent: Command, path = 'eventagent'): readonly NamedCommand[] {
  return parent.commands.flatMap((command) => {
    const own = `${path} ${command.name()}`;
    return command.commands.length > 0 ? commandsOf(command, own) : [{ path: own, command }];
  });
}

function commandLines({ path, command }: NamedCommand): readonly string[] {
  const names = command.registeredArguments.map((argument) => {
    const text = `${argument.name()}${argument.variadic ? '…' : ''}`;
    return argument.required ? text : `[${text}]`;
  });
  return [
    `### ${[path, ...names].join(' ')}`,
    command.description(),
    ...(command.options.length === 0 ? [] : [table(['Flag', 'Default', 'Meaning'], command.options.map(optionRow))]),
  ];
}

function optionRow({ flags, defaultValue, description, argChoices }: Option): readonly string[] {
  const given = defaultValue === undefined || defaultValue === false ? '' : `\`${String(defaultValue)}\``;
  const choices = argChoices === undefined ? '' : `: ${argChoices.map((choice) => `\`${choice}\``).join(' or ')}`;
  return [`\`${flags}\``, given, `${description}${choices}`];
}
