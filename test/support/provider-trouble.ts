import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { costNanoUsd } from '../../src/api/prices.ts';
import type { RabbitVersion } from '../parts/rabbitmq.ts';
import type { Behaviour } from './claude-behaviour.ts';
import { claudeFailures, REVIEW_TEXT } from './claude-failures.ts';
import { billedInAll } from './claude-stub.ts';
import { endsOf } from './dev-stage.ts';
import { createLedger } from './ledger.ts';
import { onPodsStage } from './pods-stage.ts';
import { scrape, sumOf } from './scrape.ts';

/** What the provider does to the first call of an event; the next one is answered. */
interface Trouble {
  readonly behaviour: Behaviour;
  readonly end: 'done' | 'dead';
}

/** What is no failure of a call, but no usable answer. */
const unusable: readonly (readonly [string, Behaviour])[] = [
  ['an answer that was cut off at maxTokens', { stopReason: 'max_tokens', text: 'too lo' }],
  ['a refusal', { stopReason: 'refusal' }],
];

const permanent = ['BadRequest', 'TooLarge'];

/** Codes that open the breaker; each such answer costs a pause. */
const breaking = ['Overloaded', 'SpendLimit', 'Unauthorized', 'Forbidden', 'ModelNotFound', 'Unreachable', 'RateLimited'];

/** Every trouble by name: each failure that the adapter knows, and what is no usable answer. */
export function providerTroubles(which: 'all' | 'quick'): ReadonlyMap<string, Trouble> {
  const quick = [
    '429 with a date long past',
    '529',
    ...claudeFailures.filter(([, , code]) => !breaking.includes(code)).map(([name]) => name),
  ];
  const chosen = claudeFailures.filter(([name, , code]) => which === 'all' || (quick.includes(name) && code !== 'Stalled'));
  return new Map([
    ...chosen.map(([name, behaviour, code]) => [name, { behaviour, end: permanent.includes(code) ? 'dead' : 'done' }] as const),
    ...unusable.map(([name, behaviour]) => [name, { behaviour, end: 'dead' }] as const),
  ]);
}

/** Gives each event of a trouble one call that fails by it, among others that do not, and holds tokens and cost to the provider's books. */
export async function runProviderTroubles(t: TestContext, version: RabbitVersion, troubles: ReadonlyMap<string, Trouble>): Promise<void> {
  await onPodsStage(
    t,
    version,
    async (stage) => {
      const { stub, start } = stage;
      const ledger = createLedger(stage);
      const names = new Map([...troubles.keys()].map((name, index) => [`event-${index}`, name]));
      const called = new Set<string>();
      stub.script(({ marker = '' }) => {
        const trouble = troubles.get(names.get(marker) ?? '');
        if (trouble === undefined || (called.has(marker) && trouble.end === 'done')) return { text: REVIEW_TEXT };
        called.add(marker);
        return trouble.behaviour;
      });
      const [gateway, runner] = [await start('gateway'), await start('runner')];
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      // A success between two failures, so that they are not taken for one cause.
      const ids = [...names.keys()].flatMap((id) => [id, `good-${id}`]);
      for (const id of ids) assert.equal(await ledger.send(gateway.gatewayUrl, id), 202);
      const withBill = [...troubles.values()].filter(({ behaviour }) => !('status' in behaviour)).length;
      await ledger.close(t, {
        scenario: `the provider fails in ${troubles.size} ways, once for each event`,
        on: `RabbitMQ ${version}`,
        dead: [...names].flatMap(([id, name]) => (troubles.get(name)?.end === 'dead' ? [id] : [])),
        mostBoughtAgain: withBill,
        timeoutMs: 1_800_000,
      });

      const attempts = endsOf(runner).filter(({ outcome }) => outcome === 'retried');
      assert.ok(attempts.length <= troubles.size, 'one step of the tiers for each failure');
      const completed = billedInAll(stub.ledger().filter(({ outcome }) => outcome === 'completed'));
      const samples = await scrape(`${runner.metricsUrl}/metrics`);
      const cost = (labels: object) => Math.round(sumOf(samples, 'eventagent_cost_usd_total', { ...labels }) * 1e9);
      assert.equal(cost({ estimated: 'false' }), costNanoUsd('claude-sonnet-5-5', completed), 'completed calls, to the nano-dollar');
      assert.ok(cost({}) >= (costNanoUsd('claude-sonnet-5-5', billedInAll(stub.ledger())) ?? Number.NaN), 'never less in all');
    },
    { delivery: { concurrency: 2, retryDelaysSeconds: [1] } },
  );
}
