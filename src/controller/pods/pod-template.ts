import type { SecretKeyRef } from '../../api/configuration.ts';
import type { PodTemplate } from '../../api/generated/event-agent.ts';
import { CONFIGURATION_ANNOTATION, CONFIGURATION_KEY, type Component, ports } from '../../api/kube-names.ts';

/** What a pod of ours is made of. */
export interface PodParts {
  readonly component: Component;
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Name of the ConfigMap with its configuration. */
  readonly configuration: string;
  /** Secrets whose keys the configuration refers to, each mounted in a folder of its name. */
  readonly secrets: readonly SecretKeyRef[];
  /** Whether the pod starts without them, and finds them when they come. */
  readonly secretsAreOptional: boolean;
  readonly brokerSecret: string;
  /** Only where the pod needs the store. */
  readonly storeSecret?: string;
  readonly template: PodTemplate;
  /** Variables of the process beyond those that each has. */
  readonly env?: readonly EnvVar[];
  readonly terminationGracePeriodSeconds: number;
  readonly restartPolicy: 'Always' | 'Never';
}

/** An environment variable as a container has it. */
export type EnvVar = { readonly name: string } & ({ readonly value: string } | { readonly valueFrom: Readonly<Record<string, unknown>> });

const CONFIGURATION_DIR = '/etc/eventagent';
const SECRETS_DIR = '/run/eventagent/secrets';
const BROKER_DIR = '/run/eventagent/broker';
const STORE_DIR = '/run/eventagent/store';

/** Numeric, so that the kubelet can tell that it is not root. */
const USER = 65_532;

/** Without requests a pod is the first to be evicted; a memory limit keeps Node from growing into the node. */
const RESOURCES = { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } };

/** The pod template of one of our processes. It passes the `restricted` pod security standard (https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted), and no token of a service account is mounted. */
export function podTemplateFor(parts: PodParts): Readonly<Record<string, unknown>> {
  const { component, labels, template, configuration } = parts;
  const volumes = volumesFor(parts);
  const listens = component !== 'tick';
  return {
    metadata: { labels, annotations: { ...template.annotations, [CONFIGURATION_ANNOTATION]: configuration } },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: parts.restartPolicy,
      terminationGracePeriodSeconds: parts.terminationGracePeriodSeconds,
      securityContext: { runAsNonRoot: true, runAsUser: USER, runAsGroup: USER, fsGroup: USER, seccompProfile: { type: 'RuntimeDefault' } },
      ...(template.imagePullSecrets === undefined ? {} : { imagePullSecrets: template.imagePullSecrets }),
      ...(template.nodeSelector === undefined ? {} : { nodeSelector: template.nodeSelector }),
      ...(template.tolerations === undefined ? {} : { tolerations: template.tolerations }),
      containers: [
        {
          name: component,
          image: parts.image,
          imagePullPolicy: parts.imagePullPolicy,
          command: ['node', `dist/${component}/start.js`],
          env: envFor(parts),
          ...(listens
            ? {
                ports: portsOf(component),
                livenessProbe: probe('/healthz', 10, 6),
                readinessProbe: probe('/readyz', 5, 2),
              }
            : {}),
          resources: template.resources ?? RESOURCES,
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          volumeMounts: volumes.map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
        },
      ],
      volumes: volumes.map(({ name, source }) => ({ name, ...source })),
    },
  };
}

/** Of a template what says where and how its pods are run, and not what of. */
export function placementOf({ annotations, nodeSelector, tolerations, imagePullSecrets, env }: PodTemplate): PodTemplate {
  return {
    ...(annotations === undefined ? {} : { annotations }),
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
    ...(env === undefined ? {} : { env }),
  };
}

/** A Secret by name with the keys that are wanted of it, in a stable order. */
export function secretsByName(refs: readonly SecretKeyRef[]): readonly { readonly name: string; readonly keys: readonly string[] }[] {
  const byName = Map.groupBy(refs, ({ name }) => name);
  return [...byName]
    .map(([name, found]) => ({ name, keys: [...new Set(found.map(({ key }) => key))].toSorted(byText) }))
    .toSorted((a, b) => byText(a.name, b.name));
}

/** By code units, so that the order depends on nobody's language. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Volume {
  readonly name: string;
  readonly mountPath: string;
  readonly source: Readonly<Record<string, unknown>>;
}

function volumesFor(parts: PodParts): readonly Volume[] {
  const { configuration, secrets, secretsAreOptional, brokerSecret, storeSecret } = parts;
  const defaultMode = 0o440;
  return [
    { name: 'configuration', mountPath: CONFIGURATION_DIR, source: { configMap: { name: configuration, defaultMode } } },
    { name: 'broker', mountPath: BROKER_DIR, source: connection(brokerSecret) },
    ...(storeSecret === undefined ? [] : [{ name: 'store', mountPath: STORE_DIR, source: connection(storeSecret) }]),
    ...secretsByName(secrets).map(({ name, keys }, index) => ({
      name: `secret-${index}`,
      mountPath: `${SECRETS_DIR}/${name}`,
      source: {
        secret: {
          secretName: name,
          defaultMode,
          items: keys.map((key) => ({ key, path: key })),
          ...(secretsAreOptional ? { optional: true } : {}),
        },
      },
    })),
  ];
}

/** The whole Secret: which of its keys there are is its owner's choice, and a list of items would have to be matched in full. */
function connection(name: string): Readonly<Record<string, unknown>> {
  return { secret: { secretName: name, defaultMode: 0o440 } };
}

function envFor({ template, env = [], configuration, storeSecret, component }: PodParts): readonly EnvVar[] {
  const given = (template.env ?? []).map(({ name, value, secretKeyRef }): EnvVar => {
    return secretKeyRef === undefined ? { name, value: value ?? '' } : { name, valueFrom: { secretKeyRef } };
  });
  return [
    { name: 'EVENTAGENT_CONFIGURATION', value: `${CONFIGURATION_DIR}/${CONFIGURATION_KEY}` },
    { name: 'EVENTAGENT_CONFIGURATION_NAME', value: configuration },
    { name: 'EVENTAGENT_SECRETS_DIR', value: SECRETS_DIR },
    { name: 'EVENTAGENT_BROKER_DIR', value: BROKER_DIR },
    ...(storeSecret === undefined ? [] : [{ name: 'EVENTAGENT_STORE_DIR', value: STORE_DIR }]),
    ...(component === 'tick' ? [] : [{ name: 'EVENTAGENT_METRICS_PORT', value: String(ports.metrics) }]),
    ...(component === 'gateway' ? [{ name: 'EVENTAGENT_PORT', value: String(ports.gateway) }] : []),
    ...env,
    ...given,
  ];
}

function portsOf(component: Component): readonly Readonly<Record<string, unknown>>[] {
  const metrics = { name: 'metrics', containerPort: ports.metrics };
  return component === 'gateway' ? [{ name: 'http', containerPort: ports.gateway }, metrics] : [metrics];
}

function probe(path: string, periodSeconds: number, failureThreshold: number): Readonly<Record<string, unknown>> {
  return { httpGet: { path, port: 'metrics' }, periodSeconds, failureThreshold, timeoutSeconds: 3 };
}
