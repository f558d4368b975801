import { pathVariable, textVariable, type Variables, wordVariable } from './environment.ts';
import type { LogFormat } from './log.ts';
import { TERMINATION_LOG } from './termination.ts';

/** The environment variables that all processes of a pod have. `configuration` says what is in the file. */
export function processVariables(configuration: string) {
  return {
    EVENTAGENT_CONFIGURATION: pathVariable(`Path of \`configuration.json\`, ${configuration}. Read once.`),
    EVENTAGENT_CONFIGURATION_NAME: textVariable(
      'Name of the ConfigMap that it comes from; said in the log, and by the gateway on `/status`.',
      'the name of a ConfigMap',
    ),
    EVENTAGENT_BROKER_DIR: pathVariable(
      "Folder of the broker's connection Secret, as the kubelet mounts it. Read at each attempt to connect.",
    ),
    EVENTAGENT_LOG: wordVariable<LogFormat>('How log lines look.', ['json', 'text'], 'json'),
    EVENTAGENT_TERMINATION_LOG: {
      ...pathVariable('File that takes one line of JSON, `{"reason","message"}`, where the process cannot go on.'),
      default: TERMINATION_LOG,
    },
  } as const satisfies Variables;
}

/** Where the Secrets of agents are. */
export const secretsDirVariable = pathVariable(
  'Folder that holds `<name>/<key>` of each Secret that the configuration refers to, as the kubelet mounts them. A file that is not there is a Secret that cannot be read.',
);

/** Where the store's connection Secret is. */
export const storeDirVariable = pathVariable(
  "Folder of the store's connection Secret, as the kubelet mounts it. Read at each attempt to connect.",
);
