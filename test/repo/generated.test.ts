import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { agentScheduleConditions, conditionReasons, eventAgentConditions } from '../../src/api/conditions.ts';
import { controllerMetrics, metrics } from '../../src/api/metrics.ts';
import { deadLetterReasons, handBackReasons, retryReasons, strayReasons, waitReasons } from '../../src/api/reasons.ts';
import { tickExitCodes, tickOutcomes } from '../../src/api/tick-outcomes.ts';
import { exitCodes } from '../../src/cli/exit.ts';
import { createProgram } from '../../src/cli/program.ts';
import { reasons as gatewayReasons } from '../../src/gateway/reasons.ts';
import { terminationReasons } from '../../src/lib/termination.ts';
import { readAgentScheduleSchema, readEventAgentSchema, type Schema } from '../../src/manifest/schema.ts';
import { commandsOf } from './command-section.ts';
import { generatedFiles } from './generated-files.ts';
import { processVariables } from './process-section.ts';

const page = readFileSync(new URL('../../docs/reference.md', import.meta.url), 'utf8');

/** The first column of the first table below a heading. */
function column(heading: string): readonly string[] {
  const below = page.slice(page.indexOf(`\n${heading}\n`) + 1);
  const rows = below
    .slice(heading.length, below.indexOf('\n#', heading.length))
    .split('\n')
    .filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) => (row.split(' | ')[0] ?? '').slice(2).replaceAll('`', ''));
}

/** Every field below a schema. */
function paths(schema: Schema, path: string): readonly string[] {
  const inner = schema.items ?? schema;
  const prefix = schema.items === undefined ? path : `${path}[]`;
  return [path, ...Object.entries(inner.properties ?? {}).flatMap(([name, property]) => paths(property, `${prefix}.${name}`))];
}

describe('generated files', () => {
  it('are what `npm run generate` makes', async () => {
    for (const { url, text } of await generatedFiles())
      assert.equal(readFileSync(url, 'utf8'), text, `${url.pathname} is stale: run npm run generate`);
  });

  it('list every field of the API', () => {
    const { spec } = readEventAgentSchema().properties ?? {};
    assert.ok(spec !== undefined);
    assert.deepEqual(column('## EventAgent'), paths(spec, 'spec'));
    const { spec: schedule } = readAgentScheduleSchema().properties ?? {};
    assert.ok(schedule !== undefined);
    assert.deepEqual(column('## AgentSchedule'), paths(schedule, 'spec'));
  });

  for (const [heading, reasons] of [
    ['## Dead-letter reasons', { ...deadLetterReasons, ...strayReasons }],
    ['## Retry reasons', retryReasons],
    ['## Hand-back reasons', handBackReasons],
    ['## Wait reasons', waitReasons],
    ['## Answers of the gateway', gatewayReasons],
    ['## Conditions of an EventAgent', eventAgentConditions],
    ['## Conditions of an AgentSchedule', agentScheduleConditions],
    ['## Reasons of conditions', conditionReasons],
    ['## Metrics of the operator', controllerMetrics],
    ['## Outcomes of a tick', tickOutcomes],
    ['### Exit codes of a tick', tickExitCodes],
  ] as const)
    it(`list exactly what there is of ${heading.slice(3)}`, () => assert.deepEqual(column(heading), Object.keys(reasons)));

  it('list every command with exactly its flags', () => {
    const program = createProgram({ out: () => {}, err: () => {} }, () => {});
    const commands = commandsOf(program);
    assert.ok(commands.some(({ name }) => name === 'dlq ls'));
    for (const { name, command } of commands) {
      const heading = page.split('\n').find((line) => line.startsWith(`### eventagent ${name} `));
      assert.deepEqual(
        column(heading ?? ''),
        command.options.map(({ flags }) => flags),
        `flags of ${name}`,
      );
    }
  });

  it('list exactly the metrics', () => assert.deepEqual(column('## Metrics'), Object.keys(metrics)));

  for (const [name, variables] of Object.entries(processVariables))
    it(`list exactly the environment variables of the ${name}`, () =>
      assert.deepEqual(column(`### Environment of the ${name}`), Object.keys(variables)));

  it('list exactly why a process ends', () => assert.deepEqual(column('### Why a process ends'), Object.keys(terminationReasons)));

  it('list exactly the exit codes', () => assert.deepEqual(column('### Exit codes'), Object.keys(exitCodes)));
});
