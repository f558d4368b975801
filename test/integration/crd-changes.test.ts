import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load } from '../../src/cli/load.ts';
import { freshNamespace } from '../parts/kubernetes-namespace.ts';
import { kubernetesVersions } from '../parts/kubernetes-programs.ts';
import { clusterWithDefinitions } from '../support/definitions.ts';

const redrive = (spec: object) => ({
  apiVersion: 'eventagent.dev/v1alpha1',
  kind: 'DeadLetterRedrive',
  metadata: { name: 'again' },
  spec: { agentRef: { name: 'a' }, ...spec },
});

const SAMPLE = fileURLToPath(new URL('../../config/samples/redrives/after-a-fix.yaml', import.meta.url));

suite('a change of what is there', () => {
  test('the sample of a redrive is taken by the API server as `eventagent validate` takes it, and applied again it is the same', async (t) => {
    const cluster = await clusterWithDefinitions(t, '1.37');
    if (cluster === undefined) return;
    await using own = await freshNamespace(cluster);
    const [loaded] = load([SAMPLE]).redrives;
    assert.ok(loaded);
    const { apiVersion, kind, metadata, spec } = loaded.redrive;
    await own.apply({ apiVersion, kind, metadata: { name: metadata.name }, spec });
    assert.deepEqual(JSON.parse(await own.kubectl('get', 'deadletterredrive', 'after-the-fix', '--output=jsonpath={.spec}')), spec);
  });

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
