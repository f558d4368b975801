import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { freshNamespace } from '../parts/kubernetes-namespace.ts';
import { kubernetesVersions } from '../parts/kubernetes-programs.ts';
import { clusterWithDefinitions } from '../support/definitions.ts';

const redrive = (spec: object) => ({
  apiVersion: 'eventagent.dev/v1alpha1',
  kind: 'DeadLetterRedrive',
  metadata: { name: 'again' },
  spec: { agentRef: { name: 'a' }, ...spec },
});

suite('a change of what is there', () => {
  for (const version of kubernetesVersions)
    test(`a redrive is made once: applied again it is the same, and every change of it is refused, Kubernetes ${version}`, async (t) => {
      const cluster = await clusterWithDefinitions(t, version);
      if (cluster === undefined) return;
      await using own = await freshNamespace(cluster);
      const apply = (spec: object) => own.apply(redrive(spec));
      await apply({ limit: 5 });
      await apply({ limit: 5 });
      for (const spec of [{ limit: 6 }, { limit: 5, dryRun: true }, { limit: 5, filter: { reason: 'CrashLoop' } }])
        await assert.rejects(apply(spec), /spec: Invalid value: .*a redrive is made once and not changed/);
    });
});
