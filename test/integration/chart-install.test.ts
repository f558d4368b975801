import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { customResources } from '../parts/custom-resources.ts';
import { type Cluster, type ControlPlane, sharedControlPlane, startControlPlane } from '../parts/kubernetes.ts';
import { freshNamespace, kubectl } from '../parts/kubernetes-namespace.ts';
import { PartUnavailable, partOrSkip } from '../parts/unavailable.ts';
import { CHART, helm, renderChart, valueArguments } from '../support/chart.ts';
import { chartCases } from '../support/chart-values.ts';
import { untilEstablished } from '../support/established.ts';
import { eventually } from '../support/eventually.ts';
import { documentsOf } from '../support/kube-document.ts';

const root = join(import.meta.dirname, '../..');
const sample = join(root, 'config/samples/pr-reviewer.yaml');

/** What is not in every cluster: the chart makes it only where it is told to. */
const MONITORING = 'monitoring.coreos.com/v1';

async function dryRun(cluster: Cluster, manifest: string): Promise<string> {
  return await kubectl(
    cluster,
    ['apply', '--server-side', '--dry-run=server', '--force-conflicts', '--output=name', '--filename=-'],
    manifest,
  );
}

/** Teaches the cluster what others have defined. `false`: the test is skipped. */
async function hasCustomResources(t: TestContext, cluster: Cluster, name: Parameters<typeof customResources>[0]): Promise<boolean> {
  const files = (await partOrSkip(t, () => customResources(name)))?.map((file) => `--filename=${file}`);
  if (files === undefined) return false;
  await kubectl(cluster, ['apply', '--server-side', ...files]);
  await untilEstablished(cluster, ...files);
  return true;
}

/** A copy of the chart that is made other by `change`. */
async function withChangedChart(change: (folder: string) => Promise<void>, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-chart-'));
  try {
    await cp(CHART, join(folder, 'eventagent'), { recursive: true });
    await change(join(folder, 'eventagent'));
    await body(join(folder, 'eventagent'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function replaceIn(file: string, search: string, replacement: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  assert.ok(text.includes(search), `${file} has no ${search}`);
  await writeFile(file, text.replace(search, replacement));
}

// A control plane of its own: CustomResourceDefinitions are everybody's, and here they change and go.
suite('the chart on an API server', () => {
  let own: ControlPlane | undefined;
  let missing: PartUnavailable | undefined;

  before(async () => {
    try {
      own = await startControlPlane({
        version: '1.37',
        controllerManager: true,
        // As OpenShift has it.
        apiServerArguments: ['--enable-admission-plugins=OwnerReferencesPermissionEnforcement'],
      });
    } catch (error) {
      if (!(error instanceof PartUnavailable)) throw error;
      missing = error;
    }
  });
  after(async () => own?.close());

  const clusterOrSkip = (t: TestContext) =>
    partOrSkip(t, async () => {
      if (own === undefined) throw missing;
      return own;
    });

  for (const [name, values] of Object.entries(chartCases(['default', 'kube-public']))) {
    test(`is accepted: ${name}`, async (t) => {
      const cluster = await clusterOrSkip(t);
      if (cluster === undefined) return;
      const manifest = await partOrSkip(t, () => renderChart({ namespace: 'default', values }));
      if (manifest === undefined) return;
      if (manifest.includes(MONITORING) && !(await hasCustomResources(t, cluster, 'prometheus-operator'))) return;
      const accepted = (await dryRun(cluster, manifest)).trim().split('\n');
      assert.equal(accepted.length, documentsOf(manifest).length);
    });
  }

  test('is accepted by the oldest Kubernetes that it is for', async (t) => {
    const oldest = await partOrSkip(t, () => sharedControlPlane('1.35'));
    const manifest = await partOrSkip(t, () => renderChart({ namespace: 'default' }));
    if (oldest === undefined || manifest === undefined) return;
    await dryRun(oldest, manifest);
  });

  test('is installed, upgraded with its CustomResourceDefinitions, rolled back, and uninstalled without taking agents along', async (t) => {
    const cluster = await clusterOrSkip(t);
    if (cluster === undefined) return;
    await using release = await freshNamespace(cluster);
    await using agents = await freshNamespace(cluster);
    const { namespace } = release;
    const onCluster = (command: string, ...args: readonly string[]) => helm([command, ...args, `--namespace=${namespace}`], cluster);
    const crd = async () =>
      (
        await kubectl(cluster, [
          'get',
          'crd/eventagents.eventagent.dev',
          '--output=jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}',
        ])
      ).split(' ');
    const names = async (kinds: string) =>
      (await kubectl(cluster, ['get', kinds, '--namespace', namespace, '--output=name'])).trim().split('\n');
    const restricted = ['enforce=restricted', 'warn=restricted'].map((label) => `pod-security.kubernetes.io/${label}`);
    await kubectl(cluster, ['label', 'namespace', namespace, ...restricted]);

    const said = await partOrSkip(t, () => onCluster('install', 'ea', CHART, ...valueArguments({ watchNamespaces: [] })));
    if (said === undefined) return;
    assert.match(said, new RegExp(`kubectl create secret generic eventagent-broker-management --namespace ${namespace} `));
    assert.match(said, /looks after all namespaces/);
    assert.doesNotMatch(said, /would violate PodSecurity/);
    await untilEstablished(cluster, 'crd/eventagents.eventagent.dev');
    const columns = await crd();
    const pods = await eventually('two pods', async () => {
      const found = await names('pods');
      return found.length === 2 && found;
    });
    for (const pod of pods) assert.match(pod, /^pod\/ea-eventagent-controller-/);
    await agents.apply(
      ...documentsOf((await readFile(sample, 'utf8')).replaceAll('namespace: platform', `namespace: ${agents.namespace}`)),
    );
    const uid = async () => agents.kubectl('get', 'eventagent', 'pr-reviewer', '--output=jsonpath={.metadata.uid}');
    const agent = await uid();

    await withChangedChart(
      async (folder) => {
        await replaceIn(join(folder, 'Chart.yaml'), '\nversion: 0.', '\nversion: 99.');
        await replaceIn(
          join(folder, 'files/crds/eventagents.yaml'),
          '      additionalPrinterColumns:\n',
          '      additionalPrinterColumns:\n        - name: News\n          type: string\n          jsonPath: .metadata.name\n',
        );
      },
      async (folder) => {
        await onCluster('upgrade', 'ea', folder, ...valueArguments({ controller: { replicas: 1 } }));
      },
    );
    assert.deepEqual(await crd(), ['News', ...columns]);
    const replicas = () => release.kubectl('get', 'deployment', 'ea-eventagent-controller', '--output=jsonpath={.spec.replicas}');
    assert.equal(await replicas(), '1');

    await onCluster('rollback', 'ea', '1');
    assert.deepEqual(await crd(), columns);
    assert.equal(await replicas(), '2');
    assert.equal(await uid(), agent);

    await onCluster('uninstall', 'ea');
    assert.deepEqual(await crd(), columns);
    assert.equal(await uid(), agent);
    const left = await kubectl(cluster, [
      'get',
      'clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,deployments,poddisruptionbudgets,services',
      '--all-namespaces',
      '--selector=app.kubernetes.io/instance=ea',
      '--output=name',
    ]);
    assert.equal(left, '');

    // The same release takes them over again; another one has to be told to.
    await onCluster('install', 'ea', CHART);
    await onCluster('uninstall', 'ea');
    await assert.rejects(onCluster('install', 'eventagent', CHART), /cannot be imported into the current release|conflict/i);
    await onCluster('install', 'eventagent', CHART, '--take-ownership');
    assert.equal(await uid(), agent);
    await onCluster('uninstall', 'eventagent');
  });

  test('is installed with kubectl alone, twice without a difference, and as an overlay says', async (t) => {
    const cluster = await clusterOrSkip(t);
    if (cluster === undefined) return;
    const manifest = join(root, 'config/install.yaml');
    const folder = await mkdtemp(join(tmpdir(), 'eventagent-overlay-'));
    try {
      await kubectl(cluster, ['apply', '--server-side', '--force-conflicts', `--filename=${manifest}`]);
      await kubectl(cluster, ['diff', '--server-side', `--filename=${manifest}`]);
      await kubectl(cluster, ['apply', '--server-side', '--kustomize', join(root, 'config')]);
      // Client-side apply keeps the whole object in an annotation, of which there may be 256 KiB.
      await kubectl(cluster, ['delete', `--filename=${manifest}`]);
      await kubectl(cluster, ['apply', `--filename=${manifest}`]);

      const page = await readFile(join(root, 'docs/install.md'), 'utf8');
      const [, overlay = ''] = /```yaml\n(# kustomization\.yaml\n[\s\S]*?)```/.exec(page) ?? [];
      await cp(join(root, 'config'), join(folder, 'config'), { recursive: true });
      await writeFile(join(folder, 'kustomization.yaml'), overlay.replace(/^ {2}- https:.*$/m, '  - config'));
      const built = await kubectl(cluster, ['kustomize', folder]);
      const deployment = documentsOf(built).find(({ kind }) => kind === 'Deployment');
      const text = JSON.stringify(deployment);
      assert.equal(
        text.split('registry.example.com/eventagent:0.1.0').length,
        3,
        'the image of the operator, and of the pods that it makes',
      );
      await dryRun(cluster, built);
    } finally {
      await rm(folder, { recursive: true, force: true });
      await kubectl(cluster, ['delete', '--ignore-not-found', '--wait=false', `--filename=${manifest}`]);
    }
  });

  test('leads to the gateway by the samples of routes', async (t) => {
    const cluster = await clusterOrSkip(t);
    if (cluster === undefined) return;
    await using space = await freshNamespace(cluster);
    if (!(await hasCustomResources(t, cluster, 'gateway-api'))) return;
    for (const name of ['ingress.yaml', 'http-route.yaml']) {
      const text = await readFile(join(root, 'config/samples/routes', name), 'utf8');
      const manifest = text.replace('namespace: platform', `namespace: ${space.namespace}`);
      await dryRun(cluster, manifest);
      const backend =
        name === 'ingress.yaml'
          ? /service:\n +name: eventagent-gateway\n +port:\n +number: 80\n/
          : /- name: eventagent-gateway\n +port: 80\n/;
      assert.match(manifest, backend);
    }
  });
});
