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
    ...program.commands.flatMap(commandLines),
    '### Exit codes',
    table(
      ['Code', 'Meaning'],
      Object.entries(exitCodes).map(([code, meaning]) => [code, meaning]),
    ),
  ];
}

function commandLines(command: Command): readonly string[] {
  const names = command.registeredArguments.map((argument) => {
    const text = `${argument.name()}${argument.variadic ? '…' : ''}`;
    return argument.required ? text : `[${text}]`;
  });
  return [
    `### eventagent ${[command.name(), ...names].join(' ')}`,
    command.description(),
    ...(command.options.length === 0 ? [] : [table(['Flag', 'Default', 'Meaning'], command.options.map(optionRow))]),
  ];
}

function optionRow({ flags, defaultValue, description, argChoices }: Option): readonly string[] {
  const given = defaultValue === undefined || defaultValue === false ? '' : `\`${String(defaultValue)}\``;
  const choices = argChoices === undefined ? '' : `: ${argChoices.map((choice) => `\`${choice}\``).join(' or ')}`;
  return [`\`${flags}\``, given, `${description}${choices}`];
}
