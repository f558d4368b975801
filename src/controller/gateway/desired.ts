import type { GatewayConfiguration, Route, SecretKeyRef } from '../../api/configuration.ts';
import { CONFIGURATION_KEY, configMapName, GATEWAY_NAME, labelsFor, ports, selectorFor } from '../../api/kube-names.ts';
import type { KubeObject } from '../../kube/resources.ts';
import type { PodDefaults } from '../operator.ts';
import { configurationMapFor, deploymentFor } from '../pods/deployment.ts';
import { podTemplateFor } from '../pods/pod-template.ts';

/** 5 s until no endpoint leads to the pod any more, 10 s for what is under way, and some to spare. */
const GRACE_SECONDS = 30;

/** What the webhooks of a namespace become in Kubernetes. They belong to no single agent, so they have no owner: the reconciler takes them away. */
export interface GatewayObjects {
  readonly configuration: KubeObject;
  readonly deployment: KubeObject;
  readonly service: KubeObject;
  readonly podDisruptionBudget: KubeObject;
}

/** The gateway of a namespace. Pure. */
export function gatewayObjectsFor(configuration: GatewayConfiguration, brokerSecret: string, pods: PodDefaults): GatewayObjects {
  const { namespace, routes } = configuration;
  const labels = labelsFor('gateway');
  const selector = selectorFor('gateway');
  const text = JSON.stringify(configuration);
  const name = configMapName(GATEWAY_NAME, text);
  const metadata = { name: GATEWAY_NAME, namespace, labels };
  const template = podTemplateFor({
    component: 'gateway',
    image: pods.image,
    imagePullPolicy: pods.imagePullPolicy,
    labels,
    configuration: name,
    secrets: webhookSecrets(routes),
    // One agent's missing Secret must not stop the others.
    secretsAreOptional: true,
    brokerSecret,
    template: pods.gateway,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    restartPolicy: 'Always',
  });
  return {
    configuration: configurationMapFor({ name, namespace, labels, data: { [CONFIGURATION_KEY]: text } }),
    deployment: deploymentFor({ name: GATEWAY_NAME, namespace, labels, selector, replicas: pods.gatewayReplicas, template }),
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector, ports: [{ name: 'http', port: ports.service, targetPort: 'http', protocol: 'TCP' }] },
    },
    podDisruptionBudget: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
    },
  };
}

/** The Secrets by which senders are known. */
export function webhookSecrets(routes: readonly Route[]): readonly SecretKeyRef[] {
  return routes.flatMap(({ verification }) => (verification.scheme === 'None' ? [] : verification.secretKeyRefs));
}
