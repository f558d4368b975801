import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DeploymentView, rolloutVerdict } from './rollout.ts';

const deployment = (status: NonNullable<DeploymentView['status']>, replicas = 3): DeploymentView => ({
  metadata: { name: 'd', generation: 2 },
  spec: { replicas },
  status: { observedGeneration: 2, ...status },
});
const verdict = (view: DeploymentView | undefined) => {
  const { status, reason, message } = rolloutVerdict({ deployment: view, pods: [], events: new Map(), unready: new Map() }, 'runner');
  return `${status}/${reason}: ${message}`;
};

test('a roll-out says how far it is, and counts no pod of an earlier template as one of the current', () => {
  assert.equal(
    verdict(deployment({ replicas: 4, updatedReplicas: 1, availableReplicas: 3 })),
    'False/RollingOut: Deployment d: 1 of 3 pods have the current template, 3 are at work',
  );
});

test('a pod of an earlier template keeps it from being over, and so does a status of an earlier generation', () => {
  assert.match(verdict(deployment({ replicas: 4, updatedReplicas: 3, availableReplicas: 4 })), /^False\/RollingOut/);
  const whole = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  assert.match(verdict(deployment({ ...whole, observedGeneration: 1 })), /^False\/RollingOut/);
  assert.equal(verdict(deployment(whole)), 'True/Available: 3 of 3 pods of Deployment d are at work');
});

test('none is wanted, or there is no Deployment yet, or the API server takes no pods', () => {
  assert.match(verdict(deployment({}, 0)), /ScaledToZero: Deployment d has 0 replicas/);
  assert.match(verdict(undefined), /^False\/RollingOut: the Deployment of the runner is being made/);
  const refused = deployment({ conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }] });
  assert.equal(verdict(refused), 'False/PodsRefused: Deployment d: quota');
});
