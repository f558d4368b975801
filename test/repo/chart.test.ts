import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isMap, isScalar, parse, parseDocument, type YAMLMap } from 'yaml';
import { podTemplateFor } from '../../src/controller/pods/pod-template.ts';
import { version } from '../../src/lib/version.ts';
import { documentsOf } from '../support/kube-document.ts';
import { chartCrds, installManifest, valuesSchema } from './chart-files.ts';

const chart = new URL('../../charts/eventagent/', import.meta.url);
const values = parseDocument(readFileSync(new URL('values.yaml', chart), 'utf8'));

interface ValueSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly additionalProperties?: unknown;
  readonly required?: readonly string[];
}

/** Paths of the values that are no maps of further values, with how many of their keys, the outermost one aside, have a comment. */
function leaves(map: YAMLMap, path: readonly string[] = [], comments = 0): readonly { readonly path: string; readonly comments: number }[] {
  return map.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key)) return [];
    // The comment before the first key of a map is kept at the map.
    const comment = key.commentBefore ?? (index === 0 && path.length > 0 ? map.commentBefore : undefined);
    const isOutermostOfMore = path.length === 0 && isMap(value) && value.items.length > 0;
    const own = comments + (comment && !isOutermostOfMore ? 1 : 0);
    const inner = [...path, String(key.value)];
    return isMap(value) && value.items.length > 0 ? leaves(value as YAMLMap, inner, own) : [{ path: inner.join('.'), comments: own }];
  });
}

/** Every map in the values of which the schema names the keys. */
function closedMaps(
  schema: ValueSchema,
  value: unknown,
  path: string,
): readonly { readonly path: string; readonly schema: ValueSchema; readonly value: object }[] {
  if (schema.properties === undefined || typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(schema.properties).flatMap(([name, property]) =>
    closedMaps(property, (value as Readonly<Record<string, unknown>>)[name], `${path}.${name}`),
  );
  return [{ path, schema, value }, ...inner];
}

describe('the chart', () => {
  it('has the version of the package', () => {
    const { version: own, appVersion } = parse(readFileSync(new URL('Chart.yaml', chart), 'utf8')) as Readonly<Record<string, string>>;
    assert.deepEqual([own, appVersion], [version, version]);
  });

  it('has copies of the CustomResourceDefinitions that there are, and of no others', () =>
    assert.deepEqual(new Set(readdirSync(chartCrds)), new Set(readdirSync(new URL('../../crds/', import.meta.url)))));

  it('says of each value what it is for', () => {
    assert.ok(isMap(values.contents));
    const found = leaves(values.contents as YAMLMap);
    assert.ok(found.length > 30, `${found.length} values`);
    assert.deepEqual(
      found.filter(({ comments }) => comments === 0).map(({ path }) => path),
      [],
    );
  });

  it('takes no value that it does not know, and has a default for each that it does', () => {
    const maps = closedMaps(JSON.parse(readFileSync(valuesSchema, 'utf8')) as ValueSchema, values.toJS(), 'values');
    assert.ok(maps.length > 12, `${maps.length} maps`);
    for (const { path, schema, value } of maps) {
      assert.equal(schema.additionalProperties, false, path);
      const known = Object.keys(schema.properties ?? {}).filter((name) => name !== 'global');
      assert.deepEqual(new Set(Object.keys(value)), new Set(known), path);
      assert.deepEqual(new Set(schema.required), new Set(known), path);
    }
  });
});

describe('config/install.yaml', () => {
  it('is of this version, and installs into its own namespace', () => {
    const objects = documentsOf(readFileSync(installManifest, 'utf8'));
    const [namespace, ...others] = objects;
    assert.equal(namespace?.kind, 'Namespace');
    const cluster = new Set(['CustomResourceDefinition', 'ClusterRole', 'ClusterRoleBinding']);
    for (const { kind, metadata } of others) {
      assert.equal(metadata.labels?.['app.kubernetes.io/version'], version, `${kind} ${metadata.name}`);
      assert.equal(metadata.namespace, cluster.has(kind) ? undefined : namespace?.metadata.name, `${kind} ${metadata.name}`);
    }
    assert.ok(others.length > 8, `${others.length} objects`);
  });
});

describe('the image', () => {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');

  it('runs as the user that its pods are given', () => {
    const template = podTemplateFor({
      component: 'runner',
      image: 'a',
      imagePullPolicy: 'Always',
      labels: {},
      configuration: 'a',
      secrets: [],
      secretsAreOptional: false,
      brokerSecret: 'a',
      template: {},
      terminationGracePeriodSeconds: 1,
      restartPolicy: 'Always',
    }) as { readonly spec: { readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number } } };
    const { runAsUser, runAsGroup } = template.spec.securityContext;
    assert.equal(/^USER (.*)$/m.exec(dockerfile)?.[1], `${runAsUser}:${runAsGroup}`);
  });

  it('is built of nothing that is kept from the build', () => {
    const ignored = readFileSync(new URL('../../.dockerignore', import.meta.url), 'utf8').split('\n');
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names = '']) => names.split(' '));
    assert.ok(sources.includes('src'));
    assert.deepEqual(
      sources.filter((name) => !ignored.includes(`!${name}`)),
      [],
    );
  });

  it('is tagged with the version in its own example', () =>
    assert.match(dockerfile, new RegExp(`-t eventagent:${version.replaceAll('.', '\\.')} `)));
});
