import { CONFIGURATION_ANNOTATION, labelNames, MANAGER, runnerName } from '../../api/kube-names.ts';
import type { AgentRef } from '../../api/names.ts';
import type { KubeObject, ObjectHead } from '../../kube/resources.ts';
import { InCluster } from './errors.ts';
import { OUTPUT_VARIABLE } from './frames.ts';

/** What of a runner's Deployment a Job takes over. */
export type RunnerDeployment = ObjectHead & { readonly spec?: { readonly template?: PodTemplate } };

interface PodTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: PodSpec;
}

type Json = Readonly<Record<string, unknown>>;

interface PodSpec extends Json {
  readonly containers?: readonly Container[];
  readonly volumes?: readonly Volume[];
}

interface Container extends Json {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly EnvVar[];
  readonly volumeMounts?: readonly (Json & { readonly name: string; readonly mountPath: string })[];
}

type EnvVar = Json & { readonly name: string; readonly value?: string };

type Volume = Json & { readonly name: string; readonly secret?: { readonly secretName?: string } };

/** What is to be run. */
export interface CommandJob {
  readonly agent: AgentRef;
  /** Of the Job. */
  readonly name: string;
  /** Of the command line. Anybody who may see Jobs sees them. */
  readonly words: readonly string[];
  /** It is ended after this time. */
  readonly deadlineSeconds: number;
}

/** Name of the one container. */
export const CONTAINER = 'command';

/** As long as a redrive needs at most for the event that is under way. */
const GRACE_SECONDS = 45;

/** For a Job that nobody could delete. */
const TTL_SECONDS = 300;

/** Where a runner's process finds its connection Secrets; see src/lib/process-variables.ts. */
const DIRECTORIES = ['EVENTAGENT_BROKER_DIR', 'EVENTAGENT_STORE_DIR'] as const;

/** A survey holds a page of messages; as those of a redrive's pod. */
const RESOURCES = { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } };

/** What says where and how a pod is run, and not what of. */
const PLACEMENT = [
  'securityContext',
  'imagePullSecrets',
  'nodeSelector',
  'tolerations',
  'affinity',
  'priorityClassName',
  'runtimeClassName',
  'schedulerName',
  'dnsPolicy',
  'dnsConfig',
  'hostAliases',
] as const;

/** The name of the Job of one run of a command: at most 51 characters. `suffix` are six letters or digits that make it another one each time. */
export function commandJobName({ name }: AgentRef, suffix: string): string {
  return `${name}-cli-${suffix}`;
}

/**
 * The Job that runs a command with the connection Secrets of an agent's runner, from its image and where its pods run. It reads no other Secret of theirs, has no token of a service account, and
 * is taken for no pod of the runner's. Pure. Throws `InCluster` (`NoRunner`).
 */
export function commandJobFor(deployment: RunnerDeployment, { agent, name, words, deadlineSeconds }: CommandJob): KubeObject {
  const { template, container, connections } = runnerOf(deployment, agent);
  const labels = { [labelNames.name]: MANAGER, [labelNames.component]: 'cli', [labelNames.agent]: agent.name };
  const { [CONFIGURATION_ANNOTATION]: _configuration, ...annotations } = template.metadata?.annotations ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: agent.namespace, labels },
    spec: {
      // What has been said once would be said again.
      backoffLimit: 0,
      activeDeadlineSeconds: deadlineSeconds,
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: {
        metadata: { labels, annotations },
        spec: {
          ...picked(template.spec ?? {}, PLACEMENT),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: GRACE_SECONDS,
          containers: [
            {
              name: CONTAINER,
              ...picked(container, ['image', 'imagePullPolicy', 'securityContext']),
              command: ['node', 'dist/cli/main.js'],
              args: words.map(unexpanded),
              env: [...envOf(container), OUTPUT_VARIABLE],
              resources: RESOURCES,
              volumeMounts: connections.map(({ mount }) => mount),
            },
          ],
          volumes: connections.map(({ volume }) => volume),
        },
      },
    },
  };
}

/** The broker's connection Secret of an agent. Throws `InCluster` (`NoRunner`). */
export function brokerSecretOf(deployment: RunnerDeployment, agent: AgentRef): string | undefined {
  return runnerOf(deployment, agent).connections[0]?.volume.secret?.secretName;
}

function runnerOf(deployment: RunnerDeployment, agent: AgentRef) {
  const template = deployment.spec?.template ?? {};
  const { containers = [], volumes = [] } = template.spec ?? {};
  const container = containers.find(({ env = [] }) => DIRECTORIES.every((name) => env.some((variable) => variable.name === name)));
  const connections = DIRECTORIES.flatMap((name) => {
    const path = container?.env?.find((variable) => variable.name === name)?.value;
    const mount = container?.volumeMounts?.find(({ mountPath }) => mountPath === path);
    const volume = volumes.find((candidate) => candidate.name === mount?.name);
    return mount === undefined || volume === undefined ? [] : [{ mount, volume }];
  });
  if (container === undefined || connections.length < DIRECTORIES.length)
    throw new InCluster(
      'NoRunner',
      `Deployment ${agent.namespace}/${runnerName(agent)} is no runner of EventAgent: it mounts no connection Secrets of broker and store`,
    );
  return { template, container, connections };
}

/** What the platform and the agent's owner have set; of our own only where the Secrets are. */
function envOf({ env = [] }: Container): readonly EnvVar[] {
  const ours: readonly string[] = DIRECTORIES;
  return env.filter(({ name }) => !name.startsWith('EVENTAGENT_') || ours.includes(name));
}

/** The kubelet would put the values of variables into `$(…)`. https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/#use-environment-variables-to-define-arguments */
function unexpanded(word: string): string {
  return word.replaceAll('$', '$$$$');
}

function picked(from: Json, names: readonly string[]): Json {
  return Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])));
}
