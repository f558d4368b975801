import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Cluster, sharedControlPlane } from '../parts/kubernetes.ts';
import { freshNamespace, kubectl } from '../parts/kubernetes-namespace.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { installChartRbac } from '../support/chart.ts';

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

interface Question {
  readonly verb: string;
  readonly resource: string;
  readonly group?: string;
  readonly subresource?: string;
  readonly name?: string;
  /** Without it: in all namespaces. */
  readonly namespace?: string;
}

/** What `kubectl auth can-i` asks, many at a time: the questions that the API server says yes to. */
async function allowedOf(cluster: Cluster, user: string, questions: readonly Question[]): Promise<readonly string[]> {
  const [, , account = '', name = ''] = user.split(':');
  const items = questions.map((resourceAttributes) => ({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: `system:serviceaccount:${account}:${name}`,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${account}`, 'system:authenticated'],
      resourceAttributes,
    },
  }));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const answers = await kubectl(cluster, ['create', '--filename=-', '--output=jsonpath={.status.allowed}{"\\n"}'], list);
  const lines = answers.trim().split('\n');
  assert.equal(lines.length, questions.length);
  return questions.filter((_, index) => lines[index] === 'true').map(describe);
}

function describe({ verb, group, resource, subresource, name, namespace }: Question): string {
  const what = [group === undefined || group === '' ? undefined : group, resource, subresource]
    .filter((part) => part !== undefined)
    .join('/');
  return `${verb} ${what}${name === undefined ? '' : ` ${name}`}${namespace === undefined ? ' everywhere' : ''}`;
}

for (const mode of ['namespaced', 'cluster-wide'] as const) {
  suite(`the operator's service account, ${mode}`, () => {
    test('has no access to Secrets, anywhere', async (t) => {
      const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
      if (cluster === undefined) return;
      await using own = await freshNamespace(cluster);
      await using other = await freshNamespace(cluster);
      const account = await partOrSkip(t, () => installChartRbac(cluster, own.namespace, mode));
      if (account === undefined) return;
      await using _ = account;
      const namespaces = [own.namespace, other.namespace, 'kube-system', undefined];
      const questions = namespaces.flatMap((namespace) =>
        [...VERBS, '*'].map((verb) => ({ verb, resource: 'secrets', ...(namespace === undefined ? {} : { namespace }) })),
      );
      assert.deepEqual(await allowedOf(cluster, account.user, questions), []);
      // The question as a person asks it, and as the account itself.
      await assert.rejects(kubectl(account.cluster, ['auth', 'can-i', 'get', 'secrets', '--namespace', own.namespace]), /ended with 1/);
      await own.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, stringData: { key: 'value' } });
      await assert.rejects(kubectl(account.cluster, ['get', 'secret', 'a', '--namespace', own.namespace]), /Forbidden/);
    });

    test('cannot become more than it is', async (t) => {
      const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
      if (cluster === undefined) return;
      await using own = await freshNamespace(cluster);
      const account = await partOrSkip(t, () => installChartRbac(cluster, own.namespace, mode));
      if (account === undefined) return;
      await using _ = account;
      const rbac = 'rbac.authorization.k8s.io';
      const questions = [
        ...['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].flatMap((resource) =>
          ['create', 'update', 'patch', 'bind', 'escalate'].map((verb) => ({ verb, group: rbac, resource, namespace: own.namespace })),
        ),
        ...['create', 'patch'].flatMap((verb) => [
          { verb, resource: 'pods', namespace: own.namespace },
          { verb, resource: 'pods', subresource: 'exec', namespace: own.namespace },
          { verb, resource: 'serviceaccounts', subresource: 'token', namespace: own.namespace },
          { verb, group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
        ]),
        ...['users', 'groups', 'serviceaccounts'].map((resource) => ({ verb: 'impersonate', resource, namespace: own.namespace })),
        { verb: 'create', group: 'eventagent.dev', resource: 'eventagents', namespace: own.namespace },
        { verb: 'delete', group: 'eventagent.dev', resource: 'eventagents', namespace: own.namespace },
      ];
      assert.deepEqual(await allowedOf(cluster, account.user, questions), []);
    });

    test('may write to its own Lease alone', async (t) => {
      const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
      if (cluster === undefined) return;
      await using own = await freshNamespace(cluster);
      const account = await partOrSkip(t, () => installChartRbac(cluster, own.namespace, mode));
      if (account === undefined) return;
      await using _ = account;
      const lease = (verb: string, name: string, namespace = own.namespace) => ({
        verb,
        group: 'coordination.k8s.io',
        resource: 'leases',
        name,
        namespace,
      });
      const name = account.environment.EVENTAGENT_LEASE_NAME;
      const questions = [...VERBS.flatMap((verb) => [lease(verb, name), lease(verb, 'other')]), lease('update', name, 'kube-system')];
      assert.deepEqual(await allowedOf(cluster, account.user, questions), [
        `get coordination.k8s.io/leases ${name}`,
        `create coordination.k8s.io/leases ${name}`,
        'create coordination.k8s.io/leases other',
        `update coordination.k8s.io/leases ${name}`,
      ]);
    });

    test(`may work in ${mode === 'namespaced' ? 'its namespaces, and in no other' : 'every namespace'}`, async (t) => {
      const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
      if (cluster === undefined) return;
      await using own = await freshNamespace(cluster);
      await using other = await freshNamespace(cluster);
      const account = await partOrSkip(t, () => installChartRbac(cluster, own.namespace, mode));
      if (account === undefined) return;
      await using _ = account;
      const questions = (namespace: string | undefined) => [
        { verb: 'watch', group: 'eventagent.dev', resource: 'eventagents', ...(namespace === undefined ? {} : { namespace }) },
        { verb: 'patch', group: 'apps', resource: 'deployments', ...(namespace === undefined ? {} : { namespace }) },
      ];
      const yes = (namespace: string | undefined) => allowedOf(cluster, account.user, questions(namespace));
      assert.equal((await yes(own.namespace)).length, 2);
      assert.equal((await yes(other.namespace)).length, mode === 'namespaced' ? 0 : 2);
      assert.equal((await yes(undefined)).length, mode === 'namespaced' ? 0 : 2);
    });
  });
}
