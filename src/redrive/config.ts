import { portVariable, readEnvironment, type ValuesOf, type Variables } from '../lib/environment.ts';
import { processVariables, storeDirVariable } from '../lib/process-variables.ts';

/** The environment variables of a redrive. The reference page lists exactly these. */
export const redriveVariables = {
  ...processVariables("the redrive's configuration"),
  EVENTAGENT_STORE_DIR: storeDirVariable,
  EVENTAGENT_METRICS_PORT: portVariable('Port of `/status`, `/healthz` and `/readyz`, on all addresses.', 9090),
} as const satisfies Variables;

/** The redrive's environment, read. Throws `InputError` (`Usage`) naming a variable that is missing or wrong. */
export function redriveEnvironment(environment: NodeJS.ProcessEnv): ValuesOf<typeof redriveVariables> {
  return readEnvironment(redriveVariables, environment);
}
