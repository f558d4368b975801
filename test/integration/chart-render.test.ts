import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { MANAGED_SELECTOR, selectorFor } from '../../src/api/kube-names.ts';
import { controllerEnvironment, controllerVariables } from '../../src/controller/config.ts';
import { helmProgram } from '../parts/kubernetes-programs.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { installFile } from '../repo/chart-files.ts';
import { CHART, helm, renderChart } from '../support/chart.ts';
import { chartCases } from '../support/chart-values.ts';
import { documentsOf, type KubeDocument } from '../support/kube-document.ts';

const cases = chartCases(['team-a', 'team-b']);
const namespace = 'eventagent-system';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface Deployment extends KubeDocument {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly [
          {
            readonly image: string;
            readonly env: readonly {
              readonly name: string;
              readonly value?: string;
              readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
            }[];
            readonly volumeMounts: readonly { readonly mountPath: string }[];
          },
        ];
      };
    };
  };
}

async function rendered(values: Readonly<Record<string, unknown>>): Promise<readonly KubeDocument[]> {
  return documentsOf(await renderChart({ namespace, values }));
}

function operatorOf(objects: readonly KubeDocument[]): Deployment {
  const found = objects.filter(({ kind }) => kind === 'Deployment') as unknown as readonly Deployment[];
  assert.equal(found.length, 1);
  return found[0] as Deployment;
}

/** The environment that the operator's container gets, as the kubelet fills it in. */
function environmentOf(objects: readonly KubeDocument[]): Readonly<Record<string, string>> {
  const fields: Readonly<Record<string, string>> = { 'metadata.namespace': namespace, 'metadata.name': 'eventagent-controller-1' };
  const { env } = operatorOf(objects).spec.template.spec.containers[0];
  return Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''] ?? '']));
}

/** What every role among the objects allows, as `kind name: group/resource verb`. */
function allowed(objects: readonly KubeDocument[]): readonly string[] {
  return objects
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap(({ kind, metadata, rules }) =>
      (rules as readonly Rule[]).flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.map((verb) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}: ${group}/${resource} ${verb}`),
          ),
        ),
      ),
    );
}

/** Values that are refused, with what of the answer tells a person what to do. */
const refused: Readonly<Record<string, readonly [values: Readonly<Record<string, unknown>>, says: RegExp]>> = {
  'a value that is unknown': [{ imagePullPolicy: 'Always' }, /additional properties 'imagePullPolicy' not allowed/],
  'a part of a value that is unknown': [{ image: { name: 'a' } }, /'\/image': additional properties 'name' not allowed/],
  'no broker': [{ brokers: [] }, /'\/brokers': minItems: got 0, want 1/],
  'a broker without a Secret': [{ brokers: [{ name: 'default' }] }, /'\/brokers\/0': missing property 'managementSecret'/],
  'a broker whose name no agent could give': [
    { brokers: [{ name: 'Default', managementSecret: 'a' }] },
    /'\/brokers\/0\/name': 'Default' does not match pattern/,
  ],
  'two brokers of one name': [
    {
      brokers: [
        { name: 'a', managementSecret: 'b' },
        { name: 'a', managementSecret: 'c' },
      ],
    },
    /brokers: two are named a: give each a name of its own/,
  ],
  'a prefix with a dot': [{ prefix: 'my.ea' }, /'\/prefix': 'my.ea' does not match pattern '\^\[a-z0-9\]\{1,16\}\$'/],
  'a namespace twice': [{ watchNamespaces: ['a', 'a'] }, /'\/watchNamespaces': items at 0 and 1 are equal/],
  'namespaces as a text': [{ watchNamespaces: 'a,b' }, /'\/watchNamespaces': got string, want array/],
  'a tag in the repository': [{ image: { repository: 'eventagent:1' } }, /'\/image\/repository': 'eventagent:1' does not match pattern/],
  'a pull policy of nobody': [
    { image: { pullPolicy: 'Sometimes' } },
    /'\/image\/pullPolicy': value must be one of 'IfNotPresent', 'Always', 'Never'/,
  ],
  'no gateway at all': [{ gateway: { replicas: 0 } }, /'\/gateway\/replicas': minimum: got 0, want 1/],
  'a pod template with a field that agents do not have': [
    { runner: { podTemplate: { affinity: {} } } },
    /'\/runner\/podTemplate': additional properties 'affinity' not allowed/,
  ],
  'a quantity that is none': [
    { gateway: { podTemplate: { resources: { limits: { memory: 'much' } } } } },
    /'\/gateway\/podTemplate\/resources\/limits\/memory': 'much' does not match pattern/,
  ],
  'a duration without a unit': [
    { metrics: { prometheusRule: { noLeader: { for: '5' } } } },
    /'\/metrics\/prometheusRule\/noLeader\/for': '5' does not match pattern/,
  ],
  'a value that is taken away': [{ metrics: { podMonitor: { labels: null } } }, /'\/metrics\/podMonitor': missing property 'labels'/],
};

suite('the chart', { concurrency: 2 }, () => {
  test('passes helm lint', async (t) => {
    if ((await partOrSkip(t, helmProgram)) === undefined) return;
    const said = await helm(['lint', '--strict', CHART]);
    assert.match(said, /1 chart\(s\) linted, 0 chart\(s\) failed/);
    assert.doesNotMatch(said, /\[(WARNING|ERROR)\]/);
  });

  for (const [name, [values, says]] of Object.entries(refused)) {
    test(`refuses ${name}, and says so`, async (t) => {
      if ((await partOrSkip(t, helmProgram)) === undefined) return;
      await assert.rejects(rendered(values), (error: Error) => {
        assert.match(error.message, says);
        return true;
      });
    });
  }

  for (const [name, values] of Object.entries(cases)) {
    test(`tells the operator exactly what it reads: ${name}`, async (t) => {
      if ((await partOrSkip(t, helmProgram)) === undefined) return;
      const objects = await rendered(values);
      const environment = environmentOf(objects);
      assert.deepEqual(new Set(Object.keys(environment)), new Set(Object.keys(controllerVariables)));
      const read = controllerEnvironment(environment);
      const [container] = operatorOf(objects).spec.template.spec.containers;
      assert.equal(read.EVENTAGENT_IMAGE, container.image);
      assert.deepEqual(read.EVENTAGENT_WATCH_NAMESPACES, values.watchNamespaces ?? []);
      const { brokers = [{ name: 'default' }], image } = values as {
        readonly brokers?: readonly { readonly name: string }[];
        readonly image?: { readonly pullSecrets?: readonly object[] };
      };
      assert.deepEqual(
        container.volumeMounts.map(({ mountPath }) => mountPath),
        brokers.map((broker) => `${read.EVENTAGENT_BROKERS_DIR}/${broker.name}`),
      );
      for (const [component, template] of [
        ['runner', read.EVENTAGENT_RUNNER_POD_TEMPLATE],
        ['gateway', read.EVENTAGENT_GATEWAY_POD_TEMPLATE],
      ] as const) {
        const { podTemplate = {} } = (values[component] ?? {}) as { readonly podTemplate?: object };
        assert.deepEqual(template, {
          ...(image?.pullSecrets === undefined ? {} : { imagePullSecrets: image.pullSecrets }),
          ...podTemplate,
        });
      }
    });

    test(`gives nobody a right on Secrets, nor on everything: ${name}`, async (t) => {
      if ((await partOrSkip(t, helmProgram)) === undefined) return;
      const rights = allowed(await rendered(values));
      assert.ok(rights.length > 10, `${rights.length} rights`);
      assert.deepEqual(
        rights.filter((right) => /secret|\*|impersonate|escalate|bind$|serviceaccount|\/roles|exec/i.test(right)),
        [],
      );
    });

    test(`makes nothing that the operator would take for its own: ${name}`, async (t) => {
      if ((await partOrSkip(t, helmProgram)) === undefined) return;
      const [label = '', value] = MANAGED_SELECTOR.split('=');
      const objects = await rendered(values);
      for (const { kind, metadata } of objects) assert.notEqual(metadata.labels?.[label], value, `${kind} ${metadata.name}`);
      const { labels } = operatorOf(objects).spec.template.metadata;
      for (const component of ['gateway', 'runner', 'tick'] as const)
        assert.ok(!Object.entries(selectorFor(component)).every(([key, wanted]) => labels[key] === wanted), component);
    });
  }

  test('in some namespaces alone has no role of the cluster but those for people', async (t) => {
    if ((await partOrSkip(t, helmProgram)) === undefined) return;
    const objects = await rendered({ watchNamespaces: ['team-a', 'team-b'] });
    const named = (wanted: string) =>
      objects.filter(({ kind }) => kind === wanted).map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`);
    assert.deepEqual(named('ClusterRoleBinding'), []);
    assert.deepEqual(named('ClusterRole').toSorted(), ['/eventagent-edit', '/eventagent-view']);
    assert.deepEqual(named('Role').toSorted(), [
      `${namespace}/eventagent-leader`,
      'team-a/eventagent-controller',
      'team-b/eventagent-controller',
    ]);
    assert.deepEqual(named('RoleBinding').toSorted(), named('Role').toSorted());
    const nothingOfTheClusters = await rendered({ watchNamespaces: ['team-a'], crds: { enabled: false }, rbac: { aggregate: false } });
    assert.deepEqual(
      nothingOfTheClusters.filter(({ metadata }) => metadata.namespace === undefined).map(({ kind }) => kind),
      [],
    );
    const everywhere = await rendered({});
    const rightsOf = (all: readonly KubeDocument[], role: string) =>
      allowed(all.filter(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}` === role)).map((right) => right.split(': ')[1]);
    assert.deepEqual(rightsOf(objects, 'team-a/eventagent-controller'), rightsOf(everywhere, '/eventagent-controller'));
  });

  test('installs the CustomResourceDefinitions as they are, upgrades them, and keeps them', async (t) => {
    if ((await partOrSkip(t, helmProgram)) === undefined) return;
    const found = (await rendered({})).filter(({ kind }) => kind === 'CustomResourceDefinition');
    for (const { metadata, ...crd } of found) {
      assert.equal(metadata.annotations?.['helm.sh/resource-policy'], 'keep');
      const plural = metadata.name.split('.')[0];
      const [source] = documentsOf(await readFile(new URL(`../../crds/${plural}.yaml`, import.meta.url), 'utf8'));
      assert.deepEqual({ ...crd, metadata: { name: metadata.name } }, source);
    }
    assert.ok(found.length > 0);
  });

  test('is what config/install.yaml was made from', async (t) => {
    const made = await partOrSkip(t, installFile);
    if (made === undefined) return;
    assert.equal(await readFile(made.url, 'utf8'), made.text, `${made.url.pathname} is stale: run npm run generate`);
    assert.doesNotMatch(made.text, /helm/i);
  });
});
