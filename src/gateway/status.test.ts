import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeFor } from '../../test/support/gateway-under-test.ts';
import type { Secrets } from '../api/configuration.ts';
import { parseGatewayStatus } from '../api/gateway-status.ts';
import { gatewayStatus } from './status.ts';

const refs = (...names: readonly string[]) => ({
  scheme: 'GitHub' as const,
  secretKeyRefs: names.map((name) => ({ name, key: 'secret' })),
});

const values: Readonly<Record<string, string>> = { there: 'x', 'with-line-break': 'x\n', empty: '', 'line-break': '\n' };
const secrets: Secrets = ({ name }) => values[name];

test('a gateway tells of each webhook whether its Secrets can be read, and the controller reads it', () => {
  const routes = [
    routeFor('all', refs('there', 'with-line-break')),
    routeFor('some', refs('gone', 'there')),
    routeFor('none', refs('gone', 'empty', 'line-break')),
    routeFor('open', { scheme: 'None' }),
  ];
  const status = gatewayStatus('eventagent-gateway-0123456789', { namespace: 'web', routes, typePatterns: [] }, secrets);
  const route = (trigger: string, state: 'Readable' | 'Missing', missing: readonly string[]) => ({
    agent: 'reviewer',
    trigger,
    path: `/reviewer/${trigger}`,
    secrets: state,
    missing,
  });
  assert.deepEqual(status, {
    configuration: 'eventagent-gateway-0123456789',
    namespace: 'web',
    routes: [
      route('all', 'Readable', []),
      route('some', 'Readable', ['gone/secret']),
      route('none', 'Missing', ['gone/secret', 'empty/secret', 'line-break/secret']),
      route('open', 'Readable', []),
    ],
  });
  assert.deepEqual(parseGatewayStatus(JSON.stringify(status)), status);
});

test('what is no status is refused', () => {
  assert.throws(() => parseGatewayStatus('<html>'), { code: 'InvalidResource', message: 'not JSON' });
  assert.throws(() => parseGatewayStatus('{"configuration": "c", "namespace": "n"}'), { message: 'routes: missing' });
});
