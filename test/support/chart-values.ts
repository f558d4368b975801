/** Values that turn on or change something of the chart, by what they are for. Each table entry is rendered and shown to an API server; together they use every value there is. */
export function chartCases(namespaces: readonly string[]): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return {
    'the defaults': {},
    'only some namespaces': { watchNamespaces: namespaces },
    'an image of a private registry': {
      image: {
        repository: 'registry.example.com:5000/team/eventagent',
        tag: `1.2.3@sha256:${'0'.repeat(64)}`,
        pullPolicy: 'Always',
        pullSecrets: [{ name: 'registry' }],
      },
    },
    'several brokers, and another prefix': {
      brokers: [
        { name: 'default', managementSecret: 'eventagent-broker-management' },
        { name: 'b'.repeat(63), managementSecret: 'rabbit.management' },
      ],
      prefix: 'ea2',
    },
    'the operator placed and sized': {
      fullnameOverride: 'agents',
      controller: {
        replicas: 3,
        resources: { requests: { cpu: 1, memory: '256Mi' }, limits: { memory: '1Gi' } },
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'platform', effect: 'NoSchedule' }],
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64', 'arm64'] }] }],
            },
          },
        },
        annotations: { 'example.com/team': 'platform' },
        priorityClassName: 'system-cluster-critical',
        logFormat: 'text',
      },
    },
    'pods of agents and gateways placed and sized': {
      runner: { podTemplate: POD_TEMPLATE },
      gateway: { replicas: 3, podTemplate: { ...POD_TEMPLATE, resources: { requests: { cpu: '200m' } } } },
    },
    'no CustomResourceDefinitions, no roles for people': { crds: { enabled: false }, rbac: { aggregate: false } },
    'a network policy that lets everybody see the metrics': { networkPolicy: { enabled: true } },
    'a network policy in full': {
      networkPolicy: {
        enabled: true,
        metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        egress: [{ ports: [{ port: 53, protocol: 'UDP' }] }, { ports: [{ port: 443 }, { port: 6443 }, { port: 15_672 }, { port: 9090 }] }],
      },
    },
    'all pods scraped by a PodMonitor': { metrics: { podMonitor: { enabled: true, labels: { release: 'prometheus' }, interval: '30s' } } },
    'all of Prometheus, in some namespaces': {
      watchNamespaces: namespaces,
      metrics: {
        podMonitor: { enabled: true },
        serviceMonitor: { enabled: true, labels: { release: 'prometheus' }, interval: '15s' },
        prometheusRule: {
          enabled: true,
          labels: { role: 'alerts' },
          deadLetters: { above: 10, for: '5m', severity: 'page' },
          brokerUnreachable: { for: '30s', severity: 'page' },
          noLeader: { for: '1h', severity: 'info' },
        },
      },
    },
  };
}

const POD_TEMPLATE = {
  annotations: { 'example.com/cost-centre': '42' },
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
  nodeSelector: { pool: 'agents' },
  tolerations: [{ key: 'spot', operator: 'Exists' }],
  imagePullSecrets: [{ name: 'registry' }],
  env: [
    { name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128/?a=<b>&c="d"' },
    { name: 'TOKEN', secretKeyRef: { name: 'proxy', key: 'token' } },
  ],
};
