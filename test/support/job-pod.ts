import type { Component } from '../../src/api/kube-names.ts';
import { eventually } from './eventually.ts';
import type { OperatorStage } from './operator-stage.ts';

/** Does for the pod of a Job that has not ended what a kubelet would when its process has. */
export async function endJobPod({ own }: OperatorStage, component: Component, job: string, exitCode: number, said: object): Promise<void> {
  const pod = await eventually(
    'the pod of the job',
    async () =>
      (await own
        .kubectl(
          'get',
          'pods',
          `--selector=batch.kubernetes.io/job-name=${job}`,
          '--field-selector=status.phase=Pending',
          '--output=jsonpath={.items[0].metadata.name}',
        )
        .catch(() => '')) || undefined,
    40_000,
  );
  const terminated = {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    message: JSON.stringify(said),
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: '2026-01-01T00:00:01Z',
  };
  const container = { name: component, ready: false, restartCount: 0, image: 'i', imageID: 'i', state: { terminated }, lastState: {} };
  const patch = { status: { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses: [container] } };
  await own.kubectl('patch', 'pod', pod, '--subresource=status', '--type=merge', `--patch=${JSON.stringify(patch)}`);
}
