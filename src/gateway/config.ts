import { portVariable, readEnvironment, secondsVariable, type ValuesOf, type Variables } from '../lib/environment.ts';
import { tracingVariables } from '../lib/otlp-environment.ts';
import { processVariables, secretsDirVariable } from '../lib/process-variables.ts';

/** The environment variables of the gateway. The reference page lists exactly these. */
export const gatewayVariables = {
  ...processVariables("the gateway's configuration"),
  EVENTAGENT_SECRETS_DIR: secretsDirVariable,
  EVENTAGENT_PORT: portVariable('Port for webhooks, on all addresses.', 8080),
  EVENTAGENT_METRICS_PORT: portVariable('Port of `/metrics`, `/healthz`, `/readyz` and `/status`.', 9090),
  EVENTAGENT_PRESTOP_SECONDS: secondsVariable(
    'How long it goes on serving after SIGTERM, not ready any more, until nobody leads senders to it.',
    5,
    60,
  ),
  ...tracingVariables('eventagent-gateway'),
} as const satisfies Variables;

/** The gateway's environment, read. Throws `InputError` (`Usage`) naming a variable that is missing or wrong. */
export function gatewayEnvironment(environment: NodeJS.ProcessEnv): ValuesOf<typeof gatewayVariables> {
  return readEnvironment(gatewayVariables, environment);
}
