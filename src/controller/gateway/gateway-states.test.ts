import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../api/configuration.ts';
import { bad, good } from '../verdict.ts';
import { type GatewayState, GatewayStates, gatewayVerdict } from './gateway-states.ts';

const route = (agent: string, path: string): Route => ({
  agent: { namespace: 'ns', name: agent },
  trigger: 'hook',
  path,
  verification: { scheme: 'GitHub', secretKeyRefs: [{ name: 's', key: 'k' }] },
  maxBodyBytes: 1,
  target: { exchange: 'x', routingKey: 'work' },
});
const [mine, theirs] = [route('a', '/a'), route('b', '/b')];
const state = (change: Partial<GatewayState> = {}): GatewayState => ({
  rollout: good('Available', '2 of 2'),
  served: { routes: [mine, theirs], typePatterns: ['known.#'] },
  missing: new Map(),
  ...change,
});
const verdict = (routes: readonly Route[], seen: GatewayState | undefined, typePatterns: readonly string[] = []) => {
  const { status, reason } = gatewayVerdict({ routes, typePatterns }, seen, seen !== undefined);
  return `${status}/${reason}`;
};

test('an agent without webhooks needs no gateway', () => assert.equal(verdict([], undefined), 'True/NoWebhooks'));

test('a gateway serves an agent when its configuration has the routes as they are now, and its pods are at work', () => {
  assert.equal(verdict([mine], undefined), 'False/RollingOut');
  assert.equal(verdict([{ ...mine, path: '/new' }], state()), 'False/RollingOut');
  assert.equal(verdict([mine], state({ served: undefined, rollout: bad('ImagePullFailed', 'no') })), 'False/ImagePullFailed');
  assert.equal(verdict([mine], state()), 'True/Serving');
});

test("while another agent's webhooks are rolled out, those that are served already stay served", () => {
  const rolling = state({ rollout: bad('ImagePullFailed', 'no') });
  assert.equal(verdict([mine], rolling), 'True/Serving');
  assert.equal(verdict([{ ...mine, path: '/new' }], rolling), 'False/ImagePullFailed');
});

test('an agent that only wants event types is ready when the gateway knows them, where there is one', () => {
  assert.equal(verdict([], state(), ['known.#']), 'True/NoWebhooks');
  assert.equal(verdict([], state(), ['new.#']), 'False/RollingOut');
  assert.equal(verdict([], undefined, ['new.#']), 'True/NoWebhooks');
  assert.equal(gatewayVerdict({ routes: [], typePatterns: ['new.#'] }, undefined, true).reason, 'RollingOut');
});

test("a missing Secret is only its own agent's trouble, and is named", () => {
  const seen = state({ missing: new Map([['a/hook', ['s/k']]]) });
  assert.equal(verdict([mine], seen), 'False/SecretMissing');
  assert.match(gatewayVerdict({ routes: [mine], typePatterns: [] }, seen, true).message, /trigger hook: key k of Secret s/);
  assert.equal(verdict([theirs], seen), 'True/Serving');
});

test('where no pod could be asked, nobody knows', () =>
  assert.equal(verdict([mine], state({ missing: undefined })), 'Unknown/StatusUnreachable'));

test('agents are told when the state of their gateway has become another, and only then', () => {
  const told: string[] = [];
  const states = new GatewayStates((namespace) => told.push(namespace));
  states.set('ns', state());
  states.set('ns', state());
  states.set('ns', state({ missing: new Map([['a/hook', ['s/k']]]) }));
  states.set('ns', undefined);
  assert.deepEqual(told, ['ns', 'ns', 'ns']);
});
