import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { storedAgent } from '../../../test/support/stored-agent.ts';
import { compile } from '../../compile/compile.ts';
import { runnerObjectsFor } from '../../controller/event-agent/desired.ts';
import { brokerSecretOf, commandJobFor, commandJobName, type RunnerDeployment } from './job.ts';

/** The Deployment that the operator makes of an agent with all that can be said of its pods. */
function deploymentOf(spec: Readonly<Record<string, unknown>> = {}): RunnerDeployment {
  const agent = storedAgent({
    podTemplate: {
      annotations: { 'sidecar.istio.io/inject': 'false' },
      nodeSelector: { pool: 'agents' },
      tolerations: [{ key: 'agents', operator: 'Exists' }],
      imagePullSecrets: [{ name: 'registry' }],
      env: [
        { name: 'NODE_EXTRA_CA_CERTS', value: '/etc/ca.crt' },
        { name: 'HTTPS_PROXY', secretKeyRef: { name: 'proxy', key: 'url' } },
      ],
      resources: { limits: { memory: '4Gi' } },
    },
    connectionSecrets: { broker: 'rabbit', store: 'redis' },
    ...spec,
  });
  const pods = { image: 'registry/eventagent:1', imagePullPolicy: 'Always', gatewayReplicas: 2, runner: {}, gateway: {} };
  return runnerObjectsFor(agent, compile(agent), pods).deployment;
}

const agent = { namespace: 'support', name: 'triage' };
const job = { agent, name: 'triage-cli-abc123', words: ['dlq', 'ls', '--', 'support/triage'], deadlineSeconds: 3600 };

suite('the Job of a command', () => {
  test("has the runner's image, place and connection Secrets, and nothing else of it", () => {
    const labels = { 'app.kubernetes.io/name': 'eventagent', 'app.kubernetes.io/component': 'cli', 'eventagent.dev/agent': 'triage' };
    assert.deepEqual(commandJobFor(deploymentOf(), job), {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'triage-cli-abc123', namespace: 'support', labels },
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: 3600,
        ttlSecondsAfterFinished: 300,
        template: {
          metadata: { labels, annotations: { 'sidecar.istio.io/inject': 'false' } },
          spec: {
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 65532,
              runAsGroup: 65532,
              fsGroup: 65532,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            imagePullSecrets: [{ name: 'registry' }],
            nodeSelector: { pool: 'agents' },
            tolerations: [{ key: 'agents', operator: 'Exists' }],
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            restartPolicy: 'Never',
            terminationGracePeriodSeconds: 45,
            containers: [
              {
                name: 'command',
                image: 'registry/eventagent:1',
                imagePullPolicy: 'Always',
                securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
                command: ['node', 'dist/cli/main.js'],
                args: ['dlq', 'ls', '--', 'support/triage'],
                env: [
                  { name: 'EVENTAGENT_BROKER_DIR', value: '/run/eventagent/broker' },
                  { name: 'EVENTAGENT_STORE_DIR', value: '/run/eventagent/store' },
                  { name: 'NODE_EXTRA_CA_CERTS', value: '/etc/ca.crt' },
                  { name: 'HTTPS_PROXY', valueFrom: { secretKeyRef: { name: 'proxy', key: 'url' } } },
                  { name: 'EVENTAGENT_OUTPUT', value: 'frames' },
                ],
                resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
                volumeMounts: [
                  { name: 'broker', mountPath: '/run/eventagent/broker', readOnly: true },
                  { name: 'store', mountPath: '/run/eventagent/store', readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: 'broker', secret: { secretName: 'rabbit', defaultMode: 0o440 } },
              { name: 'store', secret: { secretName: 'redis', defaultMode: 0o440 } },
            ],
          },
        },
      },
    });
  });

  test('gets its words as they are, where a kubelet would put in variables', () => {
    const { spec } = commandJobFor(deploymentOf(), { ...job, words: ['$(EVENTAGENT_STORE_DIR)', '$$', 'a$b'] });
    const { template } = spec as { readonly template: { readonly spec: { readonly containers: readonly { readonly args: unknown }[] } } };
    assert.deepEqual(template.spec.containers[0]?.args, ['$$(EVENTAGENT_STORE_DIR)', '$$$$', 'a$$b']);
  });

  test('has a name with room for those of its pods', () => {
    assert.equal(commandJobName(agent, 'abc123'), 'triage-cli-abc123');
    assert.equal(commandJobName({ namespace: 'n', name: 'a'.repeat(40) }, 'abc123').length, 51);
  });

  test("is not made of a Deployment that is no runner's", () => {
    const stranger = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'triage-runner' } };
    const refusal = {
      code: 'NoRunner',
      message: /^Deployment support\/triage-runner is no runner of EventAgent: it mounts no connection Secrets/,
    };
    assert.throws(() => commandJobFor(stranger, job), refusal);
    const directory = (name: string) => ({ name: `EVENTAGENT_${name}_DIR`, value: '/x' });
    for (const env of [[directory('BROKER')], [directory('BROKER'), directory('STORE')]]) {
      const containers = [{ name: 'web', image: 'nginx', env }];
      assert.throws(() => commandJobFor({ ...stranger, spec: { template: { spec: { containers } } } }, job), refusal);
    }
  });
});

test("an agent's broker is known by its Secret", () => assert.equal(brokerSecretOf(deploymentOf(), agent), 'rabbit'));
