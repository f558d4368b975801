import { readEnvironment, textVariable, type ValuesOf, type Variables } from '../lib/environment.ts';
import { processVariables, storeDirVariable } from '../lib/process-variables.ts';

/** The environment variables of a tick. The reference page lists exactly these. */
export const tickVariables = {
  ...processVariables("the tick's configuration"),
  EVENTAGENT_STORE_DIR: storeDirVariable,
  EVENTAGENT_JOB_NAME: textVariable('Name of the Job that the pod is of, whose last part is the time that it is for.', 'the name of a Job'),
  EVENTAGENT_JOB_UID: textVariable('Its uid.', 'the uid of a Job'),
} as const satisfies Variables;

/** The tick's environment, read. Throws `InputError` (`Usage`) naming a variable that is missing or wrong. */
export function tickEnvironment(environment: NodeJS.ProcessEnv): ValuesOf<typeof tickVariables> {
  return readEnvironment(tickVariables, environment);
}
