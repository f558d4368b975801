import { agentScheduleConditions, conditionReasons, deadLetterRedriveConditions, eventAgentConditions } from '../../src/api/conditions.ts';
import { type JobVerdict, jobVerdicts } from '../../src/api/job-verdict.ts';
import { controllerMetrics, type MetricDefinition, metrics } from '../../src/api/metrics.ts';
import { deadLetterReasons, handBackReasons, retryReasons, strayReasons, waitReasons } from '../../src/api/reasons.ts';
import { redriveExitCodes, redriveOutcomes } from '../../src/api/redrive-progress.ts';
import { tickExitCodes, tickOutcomes } from '../../src/api/tick-outcomes.ts';
import { reasons as gatewayReasons } from '../../src/gateway/reasons.ts';
import type { Schema } from '../../src/manifest/schema.ts';
import { rulesOf } from '../support/schema-rules.ts';
import { commandSection } from './command-section.ts';
import { fieldRows } from './field-rows.ts';
import { table } from './markdown-table.ts';
import { processSection } from './process-section.ts';

/** The reference page: every field, dead-letter reason, metric and exit code, each from the one table that the code uses. */
export function referencePage({
  agent,
  schedule,
  redrive,
}: {
  readonly agent: Schema;
  readonly schedule: Schema;
  readonly redrive: Schema;
}): string {
  return [
    '# Reference',
    '<!-- Generated from crds/*.yaml and the tables in src/api and src/cli by `npm run generate`. Do not edit. -->',
    ...fieldSection(agent, { kind: 'EventAgent', shortName: 'ea', nameLength: 40 }),
    ...ruleSection(agent),
    expressionSection,
    ...fieldSection(schedule, { kind: 'AgentSchedule', shortName: 'asched', nameLength: 63 }),
    ...ruleSection(schedule),
    ...fieldSection(redrive, { kind: 'DeadLetterRedrive', shortName: 'dlr', nameLength: 63 }),
    ...ruleSection(redrive),
    ...conditionSection(),
    ...jobSection('tick', TICK_ENDS, tickOutcomes, tickExitCodes),
    ...jobSection('redrive', REDRIVE_ENDS, redriveOutcomes, redriveExitCodes),
    ...reasonSection(),
    ...answerSection(),
    ...metricSection(),
    ...commandSection(),
    ...processSection(),
  ]
    .join('\n\n')
    .concat('\n');
}

function fieldSection(
  schema: Schema,
  { kind, shortName, nameLength }: { readonly kind: string; readonly shortName: string; readonly nameLength: number },
): readonly string[] {
  const { spec } = schema.properties ?? {};
  const rows = spec === undefined ? [] : fieldRows(spec, 'spec', true);
  return [
    `## ${kind}`,
    `\`apiVersion: eventagent.dev/v1alpha1\`, \`kind: ${kind}\`, short name \`${shortName}\`, namespaced. \`metadata.name\` is a DNS label of at most ${nameLength} characters.`,
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
Numbers in \`data\` are doubles; \`event.data.n > 4\`, \`event.data.n == 5\` and \`event.data.n + 1\` do what they say. Whole numbers beyond 9007199254740991 lose their last digits when the event is read, here and in templates: have ids that large sent as strings. A key or field that the event does not have is an error, unless it is asked for with \`has(event.data.n)\` or read as \`event.data.?n.orValue(0)\`.
Not available are \`matches()\`, \`cel.bind()\`, and one of \`all\`, \`exists\`, \`exists_one\`, \`map\` and \`filter\` inside another.

Prompts, URLs, header values and bodies are [Liquid](https://liquidjs.com) over \`agent\` (\`namespace\`, \`name\`), \`event\`, and in outputs \`output\` (\`text\`, \`model\`). A variable that the event does not have is an error, unless it is asked for with \`{% if event.data.n %}\` or read as \`{{ event.data.n | default: "" }}\`; below a field that is null there is none.
A field that is null itself is there: it is inserted as nothing, by \`json\` as \`null\`, and \`default\` stands in for it. A number that no JSON can hold, such as \`1e999\` or a division by zero, is an error.
Objects and lists are inserted as JSON; in a body write \`{{ value | json }}\` for every value. Dates are in UTC. There are no includes, and no filters that read an expression from a string (\`where_exp\` and the like).
In a URL that begins with a written-out \`scheme://host\` every value is percent-encoded, and \`raw\`, \`url_encode\`, \`capture\` and what else would pass that by is not available.`;

function conditionSection(): readonly string[] {
  const rows = (of: Readonly<Record<string, string>>) => Object.entries(of).map(([name, meaning]) => [`\`${name}\``, meaning]);
  return [
    '## Conditions of an EventAgent',
    'In `status.conditions`, each with its reason, a message, and the generation of the spec that it speaks of.',
    table(['Condition', 'Meaning'], rows(eventAgentConditions)),
    '## Conditions of an AgentSchedule',
    table(['Condition', 'Meaning'], rows(agentScheduleConditions)),
    '## Conditions of a DeadLetterRedrive',
    table(['Condition', 'Meaning'], rows(deadLetterRedriveConditions)),
    '## Reasons of conditions',
    table(['Reason', 'Meaning'], rows(conditionReasons)),
  ];
}

/** How Jobs of ours end: outcomes with their exit codes, and what becomes of the Job by each. */
function jobSection(
  what: string,
  introduction: string,
  outcomes: Readonly<Record<string, { readonly exitCode: number; readonly help: string }>>,
  codes: Readonly<Record<number, { readonly job: JobVerdict; readonly help: string }>>,
): readonly string[] {
  return [
    `## Outcomes of a ${what}`,
    introduction,
    table(
      ['Outcome', 'Exit code', 'Meaning'],
      Object.entries(outcomes).map(([outcome, { exitCode, help }]) => [`\`${outcome}\``, String(exitCode), help]),
    ),
    `### Exit codes of a ${what}`,
    table(
      ['Code', 'The Job', 'Meaning'],
      Object.entries(codes).map(([code, { job, help }]) => [code, jobVerdicts[job], help]),
    ),
  ];
}

const TICK_ENDS =
  'How the run of a schedule ended, as the exit code of its Job, the first line of its termination message and `status.lastRun` say it.';
const REDRIVE_ENDS = 'How the Job of a DeadLetterRedrive ended, as its termination message says it.';

function reasonSection(): readonly string[] {
  const tables = [
    [
      '## Dead-letter reasons',
      'Why an event lies in the dead-letter queue; beside it the error, its fingerprint, the attempts and the times.',
      { ...deadLetterReasons, ...strayReasons },
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
  const rows = (of: Readonly<Record<string, MetricDefinition>>) =>
    Object.entries(of).map(([name, { type, labels, help }]) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]);
  return [
    '## Metrics',
    'Of gateways, runners and `dev`, in the format of Prometheus, on `/metrics`.',
    table(['Metric', 'Type', 'Labels', 'Meaning'], rows(metrics)),
    '## Metrics of the operator',
    'Also on `/metrics`, of its own process.',
    table(['Metric', 'Type', 'Labels', 'Meaning'], rows(controllerMetrics)),
  ];
}
