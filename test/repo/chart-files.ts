import { readdirSync, readFileSync } from 'node:fs';
import { readEventAgentSchema, type Schema } from '../../src/manifest/schema.ts';
import { renderChart } from '../support/chart.ts';
import type { GeneratedFile } from './generated-files.ts';

const crds = new URL('../../crds/', import.meta.url);

/** Where the chart has its copies of the CustomResourceDefinitions: Helm packs nothing from outside of a chart. */
export const chartCrds = new URL('../../charts/eventagent/files/crds/', import.meta.url);

/** The schema of the chart's values; its definition `podTemplate` is derived, all else is written by hand. */
export const valuesSchema = new URL('../../charts/eventagent/values.schema.json', import.meta.url);

/** The manifest for those who do not use Helm. */
export const installManifest = new URL('../../config/install.yaml', import.meta.url);

/** The namespace that `config/install.yaml` installs the operator into. */
export const INSTALL_NAMESPACE = 'eventagent-system';

/** What of the chart is made from other files, and needs nothing but them. */
export function chartFiles(): readonly GeneratedFile[] {
  return [
    ...readdirSync(crds)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => ({ url: new URL(name, chartCrds), text: readFileSync(new URL(name, crds), 'utf8') })),
    { url: valuesSchema, text: valuesSchemaText(readFileSync(valuesSchema, 'utf8')) },
  ];
}

/** `config/install.yaml` as the chart renders it with its defaults. Needs Helm: throws `PartUnavailable` where it cannot be had. */
export async function installFile(): Promise<GeneratedFile> {
  const rendered = await renderChart({ release: 'eventagent', namespace: INSTALL_NAMESPACE });
  return { url: installManifest, text: INSTALL_HEADER + withoutHelm(rendered) };
}

const INSTALL_HEADER = `# EventAgent's operator, for the whole cluster: what the chart (charts/eventagent) renders with its defaults, made by \`npm run generate\`.
#
#   kubectl apply --server-side -f config/install.yaml
#
# What is to be other than the default: an overlay of config/kustomization.yaml, or the chart itself. docs/install.md says what comes before and after.
apiVersion: v1
kind: Namespace
metadata:
  name: ${INSTALL_NAMESPACE}
  labels:
    app.kubernetes.io/name: eventagent
    pod-security.kubernetes.io/enforce: restricted
`;

/** Leaves out what only Helm makes sense of, and what would make it believe that it has installed these objects. */
function withoutHelm(rendered: string): string {
  const lines = rendered
    .split('\n')
    .filter((line) => !/^\s*("?app\.kubernetes\.io\/managed-by"?: Helm|helm\.sh\/chart: .*|# Source: .*)$/.test(line));
  return lines.join('\n').replaceAll(/\n {2}annotations:\n {4}helm\.sh\/resource-policy: keep\n/g, '\n');
}

function valuesSchemaText(text: string): string {
  const schema = JSON.parse(text) as { readonly $defs: Readonly<Record<string, unknown>> };
  const { podTemplate } = readEventAgentSchema().properties?.spec?.properties ?? {};
  if (podTemplate === undefined) throw new Error('the CustomResourceDefinition has no spec.podTemplate');
  return `${JSON.stringify({ ...schema, $defs: { ...schema.$defs, podTemplate: closed(podTemplate) } }, undefined, 2)}\n`;
}

/** The same in plain JSON Schema, where unknown fields have to be forbidden in so many words. Rules and defaults stay with the API server. */
function closed(schema: Schema): Readonly<Record<string, unknown>> {
  const { type, description, required, properties, additionalProperties, items } = schema;
  const { enum: words, minimum, maximum, minLength, maxLength, pattern, minItems, maxItems, maxProperties } = schema;
  const inner =
    properties === undefined ? undefined : Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, closed(value)]));
  const others = additionalProperties === undefined ? (type === 'object' ? false : undefined) : closed(additionalProperties);
  return {
    type,
    description,
    enum: words,
    minimum,
    maximum,
    minLength,
    maxLength,
    pattern,
    minItems,
    maxItems,
    maxProperties,
    required,
    additionalProperties: others,
    properties: inner,
    items: items === undefined ? undefined : closed(items),
  };
}
