import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { brokerNames } from '../../src/api/names.ts';
import { costNanoUsd } from '../../src/api/prices.ts';
import { rabbitVersions } from '../parts/rabbitmq.ts';
import { createRandom } from '../simulation/random.ts';
import type { ClaudeStub } from '../support/claude-stub.ts';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import { onPodsStage, type Pod } from '../support/pods-stage.ts';
import { statusOf } from '../support/runner-status.ts';
import { scrape, sumOf } from '../support/scrape.ts';

const REPLICAS = 8;
const EVENTS = 240;
const KILLS = 10;
const SEED = 20260102;
const DEAD = brokerNames({ namespace: 'test', name: 'reviewer' }).dead;

/** What the provider bills, by its own books. */
function billedNanoUsd(stub: ClaudeStub): number {
  return stub.ledger().reduce((sum, { model, billed }) => sum + (costNanoUsd(model, billed) ?? 0), 0);
}

suite('what may be spent, and a provider that is away', { concurrency: 1 }, () => {
  test(`${REPLICAS} processes with ${KILLS} random kills share a budget: by the provider's books not a nano-dollar is above it, and nothing is lost`, (t) =>
    onPodsStage(
      t,
      '4.3',
      async ({ stub, sink, start, look, reviewer }) => {
        const random = createRandom(SEED);
        stub.script(() => ({ delayMs: random.integer(5, 400) }));
        const gateway = await start('gateway');
        await gateway.untilReady();
        const budgeted = (nanoUsd: number) => ({
          configuration: { ...reviewer.runner, budget: { perMonth: { nanoUsd }, timeZone: 'Etc/UTC' } },
        });
        // A call can cost up to about 3.5 million, and costs less than a twentieth of that.
        const limit = 30_000_000;
        const pods = await Promise.all(Array.from({ length: REPLICAS }, () => start('runner', budgeted(limit))));
        await Promise.all(pods.map((pod) => pod.untilReady()));
        const ids = Array.from({ length: EVENTS }, (_, index) => `event-${index}`);
        const sending = (async () => {
          for (const id of ids) assert.equal(await deliver(gateway.gatewayUrl, id), 202);
        })();
        for (let kill = 0; kill < KILLS; kill += 1) {
          await delay(random.integer(100, 600));
          const victim = random.integer(0, REPLICAS - 1);
          pods[victim]?.signal('SIGKILL');
          await pods[victim]?.exit;
          pods[victim] = await start('runner', budgeted(limit));
        }
        await sending;
        await Promise.all(pods.map((pod) => pod.untilReady()));
        await eventually(
          'the budget is spent, and nothing is called any more',
          async () => {
            // Calls under way may give money back, which others may have.
            const calls = stub.received().length;
            await delay(3_000);
            const statuses = await Promise.all(pods.map(statusOf));
            return statuses.every(({ budget }) => budget?.closed !== undefined) && stub.received().length === calls;
          },
          120_000,
        );
        const [first] = await Promise.all(pods.map(statusOf));
        assert.equal(first?.budget?.closed?.period, 'month');
        const billed = billedNanoUsd(stub);
        assert.ok(billed <= limit, `${billed} billed of ${limit}`);
        assert.ok(
          (first?.budget?.monthNanoUsd ?? 0) >= billed && (first?.budget?.monthNanoUsd ?? 0) <= limit,
          `${first?.budget?.monthNanoUsd} booked, ${billed} billed`,
        );
        const [pod] = pods;
        assert.ok(pod);
        assert.equal(sumOf(await scrape(`${pod.metricsUrl}/metrics`), 'eventagent_intake_paused', { reason: 'budget' }), 1);
        assert.ok(sink.effects().length < EVENTS, 'some events wait');
        t.diagnostic(
          `${billed} nano-USD billed, ${first?.budget?.monthNanoUsd} booked of ${limit}; ${sink.effects().length} of ${EVENTS} events done, ${KILLS} kills`,
        );

        for (const runner of pods) runner.signal('SIGTERM');
        await Promise.all(pods.map((runner) => runner.exit));
        const raised = await start('runner', budgeted(1_000 * limit));
        await raised.untilReady();
        await sink.until('all are done', () => sink.effects().length >= EVENTS, 60_000);
        assert.equal(sink.effects().length, EVENTS);
        assert.deepEqual(new Set(sink.effects().map(({ body }) => (JSON.parse(body) as { event: string }).event)), new Set(ids));
        await eventually('the books are closed', async () => {
          const { budget } = await statusOf(raised);
          return budget !== undefined && budget.closed === undefined && budget.monthNanoUsd >= billedNanoUsd(stub);
        });
        raised.signal('SIGTERM');
        assert.equal(await raised.exit, 0);
        assert.deepEqual([await look('ea.test.reviewer'), await look('ea.test.reviewer.dead')], [[], []]);
      },
      { delivery: { concurrency: 2 } },
    ));

  test('without a kill what is booked is what the provider billed, to the nano-dollar', (t) =>
    onPodsStage(t, '4.3', async ({ stub, sink, start, reviewer }) => {
      const gateway = await start('gateway');
      const configuration = { ...reviewer.runner, budget: { perDay: { nanoUsd: 10 ** 12 }, timeZone: 'Etc/UTC' } };
      const runner = await start('runner', { configuration });
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      for (let event = 0; event < 10; event += 1) await deliver(gateway.gatewayUrl, `event-${event}`);
      await sink.until('all are done', () => sink.effects().length === 10);
      await eventually('all is settled', async () => (await statusOf(runner)).budget?.dayNanoUsd === billedNanoUsd(stub));
      const metrics = await scrape(`${runner.metricsUrl}/metrics`);
      assert.equal(Math.round(sumOf(metrics, 'eventagent_cost_usd_total', {}) * 1e9), billedNanoUsd(stub));
      assert.equal(Math.round((1000 - sumOf(metrics, 'eventagent_budget_remaining_usd', { period: 'day' })) * 1e9), billedNanoUsd(stub));
    }));

  test("a request whose bytes are too many for the budget is run where the provider's count has room; it waits while the provider fails in counting, and is none where it cannot count", (t) =>
    onPodsStage(t, '4.3', async ({ stub, sink, start, look, reviewer }) => {
      const gateway = await start('gateway');
      const { runner } = reviewer;
      // Four bytes of it are a token, as the provider counts.
      const model = { ...runner.model, system: 'a long word '.repeat(400) };
      const bound = 4000;
      const configuration = { ...runner, model, budget: { perEvent: { tokens: bound }, timeZone: 'Etc/UTC' } };
      const pod = await start('runner', { configuration });
      await Promise.all([gateway.untilReady(), pod.untilReady()]);
      assert.equal(await deliver(gateway.gatewayUrl, 'counted'), 202);
      await sink.until('it is done', () => sink.effects().length === 1);
      assert.equal(stub.received().length, 1);
      stub.refuseCounts({ status: 529 });
      assert.equal(await deliver(gateway.gatewayUrl, 'late'), 202);
      const isOpen = async () => sumOf(await scrape(`${pod.metricsUrl}/metrics`), 'eventagent_model_breaker_open', {}) === 1;
      await eventually('no events are taken', isOpen);
      assert.deepEqual([stub.received().length, (await look(DEAD)).length], [1, 0]);
      stub.refuseCounts(undefined);
      await sink.until('it is done, too', () => sink.effects().length === 2);
      stub.refuseCounts({ status: 404 });
      assert.equal(await deliver(gateway.gatewayUrl, 'uncounted'), 202);
      const letter = await eventually('a dead letter', async () => (await look(DEAD))[0]);
      assert.equal(letter?.properties.headers['ea-reason'], 'EventBudgetSpent');
      assert.equal(stub.received().length, 2, 'nothing more was bought');
    }));

  test('without a budget, the cost of the day is what the provider billed: retries and dead letters included, over replicas and a restart', (t) =>
    onPodsStage(
      t,
      '4.3',
      async ({ stub, sink, start, look }) => {
        // Every third call is refused by the model, every fourth ends in an error, whatever event it is for.
        let calls = 0;
        stub.script(() => {
          calls += 1;
          if (calls % 4 === 0) return { status: 500 };
          return calls % 3 === 0 ? { stopReason: 'refusal' } : undefined;
        });
        const gateway = await start('gateway');
        const pods = [await start('runner'), await start('runner')];
        await Promise.all([gateway, ...pods].map((pod) => pod.untilReady()));
        for (let event = 0; event < 12; event += 1) await deliver(gateway.gatewayUrl, `event-${event}`);
        await eventually(
          'every event has come to its end',
          async () => sink.effects().length + (await look('ea.test.reviewer.dead')).length === 12,
          60_000,
        );
        assert.ok((await look('ea.test.reviewer.dead')).length > 0);
        const agreed = async (pod: Pod) => (await statusOf(pod)).costTodayNanoUsd === billedNanoUsd(stub);
        for (const pod of pods) await eventually('a replica tells it', () => agreed(pod), 40_000);
        for (const pod of pods) pod.signal('SIGKILL');
        await Promise.all(pods.map((pod) => pod.exit));
        const another = await start('runner');
        await another.untilReady();
        await eventually('so does the next one', () => agreed(another), 40_000);
        assert.ok(billedNanoUsd(stub) > 0);
        assert.equal((await statusOf(another)).budget, undefined);
      },
      { delivery: { retryDelaysSeconds: [1] } },
    ));

  for (const version of rabbitVersions)
    test(`a revoked key, RabbitMQ ${version}: one replica tries, the queue keeps everything, and a new key is taken up`, (t) =>
      onPodsStage(t, version, async ({ stub, sink, start, look, reviewer }) => {
        const isRevoked = { value: false };
        stub.script(() => (isRevoked.value ? { status: 401 } : undefined));
        const [gateway, one, other] = [await start('gateway'), await start('runner'), await start('runner')];
        await Promise.all([gateway, one, other].map((pod) => pod.untilReady()));
        await deliver(gateway.gatewayUrl, 'before');
        await sink.until('one is done', () => sink.effects().length === 1);
        isRevoked.value = true;
        for (let event = 0; event < 20; event += 1) assert.equal(await deliver(gateway.gatewayUrl, `event-${event}`), 202);
        await eventually(
          'both know',
          async () => (await Promise.all([one, other].map(statusOf))).every(({ trouble }) => trouble?.reason === 'Unauthorized'),
          60_000,
        );
        const { trouble } = await statusOf(other);
        assert.match(trouble?.error ?? '', /401/);
        assert.equal(sumOf(await scrape(`${other.metricsUrl}/metrics`), 'eventagent_model_breaker_open', {}), 1);
        const calls = stub.received().length;
        assert.ok(calls <= 1 + 2 * reviewer.runner.delivery.concurrency + 3, `${calls} calls`);
        assert.deepEqual(await look('ea.test.reviewer.dead'), []);
        isRevoked.value = false;
        await sink.until('all are done', () => sink.effects().length === 21, 60_000);
        await eventually(
          'both know that',
          async () => (await Promise.all([one, other].map(statusOf))).every(({ trouble: now }) => now === undefined),
          30_000,
        );
        assert.equal(sink.requests().length, 21);
      }));
});
