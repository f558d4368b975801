import { portVariable, readEnvironment, type ValuesOf, type Variables } from '../lib/environment.ts';
import { tracingVariables } from '../lib/otlp-environment.ts';
import { processVariables, secretsDirVariable, storeDirVariable } from '../lib/process-variables.ts';

/** The environment variables of a runner. The reference page lists exactly these. */
export const runnerVariables = {
  ...processVariables("the runner's configuration"),
  EVENTAGENT_SECRETS_DIR: secretsDirVariable,
  EVENTAGENT_STORE_DIR: storeDirVariable,
  EVENTAGENT_METRICS_PORT: portVariable('Port of `/metrics`, `/healthz` and `/readyz`, on all addresses.', 9090),
  ...tracingVariables('eventagent-runner'),
} as const satisfies Variables;

/** The runner's environment, read. Throws `InputError` (`Usage`) naming a variable that is missing or wrong. */
export function runnerEnvironment(environment: NodeJS.ProcessEnv): ValuesOf<typeof runnerVariables> {
  return readEnvironment(runnerVariables, environment);
}
