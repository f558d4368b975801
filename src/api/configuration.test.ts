import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fullAgent } from '../../test/support/full-agent.ts';
import { compile, gatewayConfigurationFor } from '../compile/compile.ts';
import { InputError } from '../lib/errors.ts';
import { verdictOn } from '../manifest/crd-verdict.ts';
import { readManifests } from '../manifest/read.ts';
import { readEventAgentSchema } from '../manifest/schema.ts';
import { parseGatewayConfiguration, parseRunnerConfiguration } from './configuration.ts';

const samples = join(import.meta.dirname, '../../config/samples');
const schema = readEventAgentSchema();

function compiled(value: unknown) {
  const verdict = verdictOn({ value, lineOf: () => 1 }, schema);
  assert.ok(verdict.valid, JSON.stringify(verdict));
  return compile(verdict.agent);
}

/** Everything that there is to be configured: each sample, and an agent that uses every field. */
const agents = [
  ...readdirSync(samples)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => readManifests([join(samples, file)]).agents.map(({ value }) => [file, compiled(value)] as const)),
  ['an agent that uses every field', compiled(fullAgent())] as const,
];
const [, full] = agents.at(-1) ?? assert.fail();
const { configuration: gateway } = gatewayConfigurationFor('default', [full]);

function refusal(parse: (text: string) => unknown, value: unknown): string {
  try {
    parse(typeof value === 'string' ? value : JSON.stringify(value));
  } catch (error) {
    assert.ok(error instanceof InputError && error.code === 'InvalidResource', String(error));
    return error.message;
  }
  return 'it was taken';
}

describe('a configuration', () => {
  it('is there of several samples', () => assert.ok(agents.length > 3));

  for (const [what, { runner, ...rest }] of agents)
    it(`of ${what} is read as it was written`, () => {
      assert.deepEqual(parseRunnerConfiguration(JSON.stringify(runner)), runner);
      const { configuration } = gatewayConfigurationFor('default', [{ runner, ...rest }]);
      assert.deepEqual(parseGatewayConfiguration(JSON.stringify(configuration)), configuration);
    });

  const { runner } = full;
  const [output] = runner.outputs;
  const [route] = gateway.routes;
  for (const [what, message, parse, value] of [
    ['is no JSON', 'not JSON', parseRunnerConfiguration, '{'],
    ['is a list', 'must be an object', parseGatewayConfiguration, []],
    ['is null', 'must be an object', parseGatewayConfiguration, null],
    ['lacks a field', 'prefix: missing', parseRunnerConfiguration, { ...runner, prefix: undefined }],
    [
      'has a field of a later version',
      'scaling: a field that this version does not know: let one version write and read it',
      parseRunnerConfiguration,
      { ...runner, scaling: {} },
    ],
    ['has an optional field of another kind', 'filter: must be a text', parseRunnerConfiguration, { ...runner, filter: 1 }],
    [
      'has an empty name',
      'agent.name: must be a text that is not empty',
      parseRunnerConfiguration,
      { ...runner, agent: { namespace: 'n', name: '' } },
    ],
    [
      'has a fraction',
      'delivery.concurrency: must be a whole number from 1',
      parseRunnerConfiguration,
      { ...runner, delivery: { ...runner.delivery, concurrency: 1.5 } },
    ],
    [
      'has a zero where there must be one',
      'model.maxTokens: must be a whole number from 1',
      parseRunnerConfiguration,
      { ...runner, model: { ...runner.model, maxTokens: 0 } },
    ],
    [
      'has another word',
      'outputs[0].method: must be POST or PUT or PATCH',
      parseRunnerConfiguration,
      { ...runner, outputs: [{ ...output, method: 'GET' }] },
    ],
    ['has a text for a flag', 'suspend: must be true or false', parseRunnerConfiguration, { ...runner, suspend: 'true' }],
    ['has an object for a list', 'routes: must be a list', parseGatewayConfiguration, { ...gateway, routes: {} }],
    [
      'has an unknown scheme',
      'routes[0].verification.scheme: must be GitHub or HMAC or Bearer or None',
      parseGatewayConfiguration,
      { ...gateway, routes: [{ ...route, verification: { scheme: 'Guess' } }] },
    ],
    [
      'has a scheme of every object',
      'routes[0].verification.scheme: must be GitHub or HMAC or Bearer or None',
      parseGatewayConfiguration,
      { ...gateway, routes: [{ ...route, verification: { scheme: 'constructor' } }] },
    ],
    [
      'lets everybody in with secrets',
      'routes[0].verification.secretKeyRefs: a field that this version does not know: let one version write and read it',
      parseGatewayConfiguration,
      { ...gateway, routes: [{ ...route, verification: { scheme: 'None', secretKeyRefs: [] } }] },
    ],
    [
      'lacks the secrets of a scheme',
      'routes[0].verification.secretKeyRefs: missing',
      parseGatewayConfiguration,
      { ...gateway, routes: [{ ...route, verification: { scheme: 'Bearer' } }] },
    ],
    [
      'publishes by type and by key',
      'routes[0].target.routingKey: a field that this version does not know: let one version write and read it',
      parseGatewayConfiguration,
      { ...gateway, routes: [{ ...route, target: { exchange: 'e', byType: true, routingKey: 'k' } }] },
    ],
    [
      'publishes by type or not',
      'routes[0].target.byType: must be true',
      parseGatewayConfiguration,
      { ...gateway, routes: [{ ...route, target: { exchange: 'e', byType: false } }] },
    ],
  ] as const)
    it(`that ${what} is refused: ${message}`, () => assert.equal(refusal(parse, value), message));
});
