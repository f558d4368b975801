import { metrics } from '../../src/api/metrics.ts';
import { deadLetterReasons, handBackReasons, retryReasons, waitReasons } from '../../src/api/reasons.ts';
import { reasons as gatewayReasons } from '../../src/gateway/reasons.ts';
import type { Schema } from '../../src/manifest/schema.ts';
import { rulesOf } from '../support/schema-rules.ts';
import { commandSection } from './command-section.ts';
import { fieldRows } from './field-rows.ts';
import { table } from './markdown-table.ts';

/** The reference page: every field, dead-letter reason, metric and exit code, each from the one table that the code uses. */
export function referencePage(schema: Schema): string {
  return [
    '# Reference',
    '<!-- Generated from crds/eventagents.yaml and the tables in src/api and src/cli by `npm run generate`. Do not edit. -->',
    ...fieldSection(schema),
    ...ruleSection(schema),
    expressionSection,
    ...reasonSection(),
    ...answerSection(),
    ...metricSection(),
    ...commandSection(),
  ]
    .join('\n\n')
    .concat('\n');
}

function fieldSection(schema: Schema): readonly string[] {
  const { spec } = schema.properties ?? {};
  const rows = spec === undefined ? [] : fieldRows(spec, 'spec', true);
  return [
    '## EventAgent',
    '`apiVersion: eventagent.dev/v1alpha1`, `kind: EventAgent`, short name `ea`, namespaced. `metadata.name` is a DNS label of at most 40 characters.',
    schema.description ?? '',
    table(
      ['Field', 'Type', 'Default', 'Range', 'Meaning'],
      rows.map((row) => [`\`${row.path}\``, row.type, row.default, row.range, row.description]),
    ),
  ];
}

function ruleSection(schema: Schema): readonly string[] {
  return [
    '### Rules',
    'Checked on every change, by the API server and by `eventagent validate`, beside types and ranges.',
    table(
      ['At', 'Message'],
      rulesOf(schema).map(({ path, rule }) => [`\`${path === '' ? rule.fieldPath?.slice(1) : path}\``, rule.message]),
    ),
  ];
}

const expressionSection = `## Filters, keys and templates

\`spec.filter\` and \`spec.idempotency.key\` are [CEL](https://cel.dev) over one variable, \`event\`: \`id\`, \`source\`, \`type\`, \`time\`, \`subject\`, \`extensions\`, \`hop\` and \`data\`, which is what the sender sent.
Numbers in \`data\` are doubles; \`event.data.n > 4\`, \`event.data.n == 5\` and \`event.data.n + 1\` do what they say. A key or field that the event does not have is an error, unless it is asked for with \`has(event.data.n)\` or read as \`event.data.?n.orValue(0)\`.
Not available are \`matches()\`, \`cel.bind()\`, and one of \`all\`, \`exists\`, \`exists_one\`, \`map\` and \`filter\` inside another.

Prompts, URLs, header values and bodies are [Liquid](https://liquidjs.com) over \`agent\` (\`namespace\`, \`name\`), \`event\`, and in outputs \`output\` (\`text\`, \`model\`). A variable that the event does not have is an error, unless it is asked for with \`{% if event.data.n %}\` or read as \`{{ event.data.n | default: "" }}\`.
Objects and lists are inserted as JSON; in a body write \`{{ value | json }}\` for every value. Dates are in UTC. There are no includes, and no filters that read an expression from a string (\`where_exp\` and the like).
In a URL that begins with a written-out \`scheme://host\` every value is percent-encoded, and \`raw\`, \`url_encode\`, \`capture\` and what else would pass that by is not available.`;

function reasonSection(): readonly string[] {
  const tables = [
    [
      '## Dead-letter reasons',
      'Why an event lies in the dead-letter queue; beside it the error, its fingerprint, the attempts and the times.',
      deadLetterReasons,
    ],
    ['## Retry reasons', 'Why an event was put off to another attempt, which is counted.', retryReasons],
    ['## Hand-back reasons', "Why an event was handed back without counting an attempt: it is not the event's fault.", handBackReasons],
    ['## Wait reasons', 'Why a delivery waits a little before it is looked at again; no attempt is counted.', waitReasons],
  ] as const;
  return tables.flatMap(([heading, introduction, reasons]) => [
    heading,
    introduction,
    table(
      ['Reason', 'Meaning'],
      Object.entries(reasons).map(([reason, meaning]) => [`\`${reason}\``, meaning]),
    ),
  ]);
}

function answerSection(): readonly string[] {
  return [
    '## Answers of the gateway',
    'What a sender is answered, and the reason in `eventagent_gateway_requests_total`. A sender that is not who it should be is never told why. 499 stands for nobody left to answer.',
    table(
      ['Reason', 'Code', 'Meaning'],
      Object.entries(gatewayReasons).map(([reason, { code, help }]) => [`\`${reason}\``, String(code), help]),
    ),
  ];
}

function metricSection(): readonly string[] {
  return [
    '## Metrics',
    'In the format of Prometheus, on `/metrics`.',
    table(
      ['Metric', 'Type', 'Labels', 'Meaning'],
      Object.entries(metrics).map(([name, { type, labels, help }]) => [
        `\`${name}\``,
        type,
        labels.map((label) => `\`${label}\``).join(', '),
        help,
      ]),
    ),
  ];
}
