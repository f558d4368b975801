import type { PodTemplate } from '../api/generated/event-agent.ts';
import { DEFAULT_PREFIX, isPrefix } from '../api/names.ts';
import {
  pathVariable,
  portVariable,
  readEnvironment,
  textVariable,
  type ValuesOf,
  type Variables,
  wordVariable,
} from '../lib/environment.ts';
import type { LogFormat } from '../lib/log.ts';
import { TERMINATION_LOG } from '../lib/termination.ts';

/** The environment variables of the operator. The reference page lists exactly these; the chart sets them. */
export const controllerVariables = {
  EVENTAGENT_IMAGE: textVariable('Image of the pods that it makes: the same as its own.', 'the name of an image'),
  EVENTAGENT_IMAGE_PULL_POLICY: wordVariable('When the image is pulled.', ['IfNotPresent', 'Always', 'Never'], 'IfNotPresent'),
  EVENTAGENT_BROKERS_DIR: pathVariable(
    'Folder with a folder for each broker, named after it: its Secret, as the kubelet mounts it (`management_url`, `username`, `password`, `vhost`, `ca.crt`).',
  ),
  EVENTAGENT_PREFIX: {
    help: 'Prefix of all names on the brokers; another one for each installation that shares a virtual host.',
    default: DEFAULT_PREFIX,
    form: 'lower case letters and digits, at most 16',
    parse: (text: string) => (isPrefix(text) ? text : undefined),
  },
  EVENTAGENT_WATCH_NAMESPACES: {
    help: 'Namespaces to look after, separated by commas; empty for all.',
    default: ',',
    form: 'names of namespaces, separated by commas',
    parse: (text: string) => {
      const names = text.split(',').filter((name) => name !== '');
      return names.every((name) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) ? names : undefined;
    },
  },
  EVENTAGENT_POD_NAMESPACE: textVariable('Its own namespace, where its Lease is.', 'the name of a namespace'),
  EVENTAGENT_POD_NAME: textVariable('Its own name, by which it stands for election.', 'the name of a pod'),
  EVENTAGENT_LEASE_NAME: { ...textVariable('Name of the Lease.', 'the name of a Lease'), default: 'eventagent-controller' },
  EVENTAGENT_GATEWAY_REPLICAS: {
    help: 'Pods of each gateway, 1 to 20.',
    default: '2',
    form: 'a number from 1 to 20',
    parse: (text: string) => (/^([1-9]|1\d|20)$/.test(text) ? Number(text) : undefined),
  },
  EVENTAGENT_FAN_OUT_ABOVE: {
    help: 'More agents of a namespace than this, 1 to 10000, are reported (`WideFanOut`) if one event type reaches them.',
    default: '10',
    form: 'a number from 1 to 10000',
    parse: (text: string) => (/^([1-9]\d{0,3}|10000)$/.test(text) ? Number(text) : undefined),
  },
  EVENTAGENT_RUNNER_POD_TEMPLATE: podTemplateVariable('runner'),
  EVENTAGENT_GATEWAY_POD_TEMPLATE: podTemplateVariable('gateway'),
  EVENTAGENT_METRICS_PORT: portVariable('Port of `/metrics`, `/healthz` and `/readyz`.', 9090),
  EVENTAGENT_LOG: wordVariable<LogFormat>('How log lines look.', ['json', 'text'], 'json'),
  EVENTAGENT_TERMINATION_LOG: {
    ...pathVariable('File that takes one line of JSON, `{"reason","message"}`, where the process cannot go on.'),
    default: TERMINATION_LOG,
  },
} as const satisfies Variables;

/** The operator's environment, read. Throws `InputError` (`Usage`) naming a variable that is missing or wrong. */
export function controllerEnvironment(environment: NodeJS.ProcessEnv): ValuesOf<typeof controllerVariables> {
  return readEnvironment(controllerVariables, environment);
}

function podTemplateVariable(component: string) {
  return {
    help: `What ${component} pods have unless their agent says otherwise: JSON of the shape of \`spec.podTemplate\`.`,
    default: '{}',
    form: 'a JSON object of the shape of spec.podTemplate',
    parse: (text: string): PodTemplate | undefined => {
      try {
        const value: unknown = JSON.parse(text);
        return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as PodTemplate) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
