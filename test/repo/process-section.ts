import { controllerVariables } from '../../src/controller/config.ts';
import { gatewayVariables } from '../../src/gateway/config.ts';
import type { Variables } from '../../src/lib/environment.ts';
import { terminationReasons } from '../../src/lib/termination.ts';
import { redriveVariables } from '../../src/redrive/config.ts';
import { runnerVariables } from '../../src/runner/config.ts';
import { tickVariables } from '../../src/tick/config.ts';
import { table } from './markdown-table.ts';

/** The environment variables of each process, by its name. */
export const processVariables: Readonly<Record<string, Variables>> = {
  controller: controllerVariables,
  gateway: gatewayVariables,
  runner: runnerVariables,
  tick: tickVariables,
  redrive: redriveVariables,
};

/** What the processes of a cluster take from their environment, and why they end. */
export function processSection(): readonly string[] {
  return [
    '## Processes in a cluster',
    'Each is `node dist/<process>/start.js` of the one image, and is given by the operator or the chart what follows. A variable without a default must be set; an empty one counts as not set. A process that is told to stop (SIGTERM, SIGINT) finishes what is under way and exits with 0; a second signal ends it at once.',
    ...Object.entries(processVariables).flatMap(([name, variables]) => [
      `### Environment of the ${name}`,
      table(
        ['Variable', 'Default', 'Must be', 'Meaning'],
        Object.entries(variables).map(([variable, { default: standIn, form, help }]) => [
          `\`${variable}\``,
          standIn === undefined ? '' : standIn === '' ? 'empty' : `\`${standIn}\``,
          form,
          help,
        ]),
      ),
    ]),
    '### Why a process ends',
    'One line on standard error, and the same as JSON in the termination message of the container. `BadConfiguration` exits with 2, the others with 1.',
    table(
      ['Reason', 'Meaning'],
      Object.entries(terminationReasons).map(([reason, meaning]) => [`\`${reason}\``, meaning]),
    ),
  ];
}
