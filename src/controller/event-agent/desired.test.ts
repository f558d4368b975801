import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedAgent } from '../../../test/support/stored-agent.ts';
import { compile } from '../../compile/compile.ts';
import { mergedTemplate, runnerObjectsFor } from './desired.ts';

const pods = { image: 'i:1', imagePullPolicy: 'IfNotPresent', gatewayReplicas: 2, runner: {}, gateway: {} };

interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumes: readonly { readonly name: string; readonly secret?: Readonly<Record<string, unknown>> }[];
  readonly containers: readonly {
    readonly env: readonly { readonly name: string }[];
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly resources: unknown;
  }[];
}

function podOf(fixture: Parameters<typeof storedAgent>[0]): PodSpec {
  const agent = storedAgent(fixture);
  const { deployment } = runnerObjectsFor(agent, compile(agent), pods);
  return (deployment.spec as { readonly template: { readonly spec: PodSpec } }).template.spec;
}

const headersFrom = [{ name: 'Authorization', secretKeyRef: { name: 'sink', key: 'token' } }];
const outputs = [{ name: 'out', http: { url: 'https://example.com/', headersFrom } }];

test('a runner mounts the keys that it needs and no others, and must have them to start', () => {
  const secrets = podOf({ outputs })
    .volumes.filter(({ name }) => name.startsWith('secret-'))
    .map(({ secret }) => secret);
  assert.deepEqual(secrets, [
    { secretName: 'anthropic', defaultMode: 0o440, items: [{ key: 'api-key', path: 'api-key' }] },
    { secretName: 'sink', defaultMode: 0o440, items: [{ key: 'token', path: 'token' }] },
  ]);
});

test('a runner has no token, no privileges, and time to hand back what it holds', () => {
  const spec = podOf({});
  assert.equal(spec.automountServiceAccountToken, false);
  assert.equal(spec.terminationGracePeriodSeconds, 90);
  assert.deepEqual(spec.containers[0]?.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('the same spec gives the same names, another one gives another configuration', () => {
  const nameOf = (fixture: Parameters<typeof storedAgent>[0]) =>
    runnerObjectsFor(storedAgent(fixture), compile(storedAgent(fixture)), pods).configuration.metadata.name;
  assert.equal(nameOf({ prompt: 'one' }), nameOf({ prompt: 'one' }));
  assert.notEqual(nameOf({ prompt: 'one' }), nameOf({ prompt: 'two' }));
  // What concerns only the pods is no other configuration.
  assert.equal(nameOf({ prompt: 'one' }), nameOf({ prompt: 'one', podTemplate: { annotations: { a: 'b' } }, replicas: 4 }));
});

test("the agent's wishes stand over the operator's; variables are joined", () => {
  const merged = mergedTemplate(
    {
      annotations: { a: '1', b: '1' },
      env: [
        { name: 'ONE', value: '1' },
        { name: 'TWO', value: '1' },
      ],
      nodeSelector: { pool: 'x' },
    },
    { annotations: { b: '2' }, env: [{ name: 'TWO', value: '2' }], resources: { limits: { memory: '1Gi' } } },
  );
  assert.deepEqual(merged, {
    annotations: { a: '1', b: '2' },
    env: [
      { name: 'ONE', value: '1' },
      { name: 'TWO', value: '2' },
    ],
    nodeSelector: { pool: 'x' },
    resources: { limits: { memory: '1Gi' } },
  });
});
