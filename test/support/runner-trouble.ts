import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type RabbitVersion, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { endsOf, settled } from './dev-stage.ts';
import { eventually } from './eventually.ts';
import { createGate } from './gate.ts';
import { createLedger } from './ledger.ts';
import { onPodsStage, type PodsStage } from './pods-stage.ts';

/** What a runner is at when it is frozen. */
export type FrozenPhase = 'in the middle of an answer' | 'after the effect of an output, before its answer';

/** How another runner comes by the event: its sender sends it again, or the broker gives the frozen one up. */
export type SecondCopy = 'sent again by its sender' | 'delivered again by the broker';

const EVENT = 'event-1';
const WORK = 'ea.test.reviewer';

/** A lease, a wait, and a run; where the broker has to give a connection up, its heartbeats, too. */
const TAKEOVER_MS = 150_000;

/** One of two runners is frozen (SIGSTOP) for longer than its lease, the other does its event, and it wakes up. */
export async function frozenRunner(t: TestContext, version: RabbitVersion, phase: FrozenPhase, copy: SecondCopy): Promise<void> {
  await onPodsStage(t, version, async (stage) => {
    const { stub, sink, start } = stage;
    const ledger = createLedger(stage);
    const answer = createGate();
    const gateway = await start('gateway');
    const frozen = await start('runner');
    await Promise.all([gateway.untilReady(), frozen.untilReady()]);
    if (phase === 'in the middle of an answer') stub.next({ hold: { at: 'stream', until: answer.opened } });
    else sink.script(({ ordinal }) => (ordinal === 1 ? { until: answer.opened } : {}));
    assert.equal(await ledger.send(gateway.gatewayUrl, EVENT), 202);
    if (phase === 'in the middle of an answer') await stub.until('it is there', () => stub.underWay(1) === 'stream');
    else await sink.until('it is there', () => sink.effects().length === 1);
    frozen.signal('SIGSTOP');
    const other = await start('runner');
    await other.untilReady();
    if (copy === 'sent again by its sender') assert.equal(await ledger.send(gateway.gatewayUrl, EVENT), 202);
    await settled(other, EVENT, TAKEOVER_MS);
    answer.open();
    frozen.signal('SIGCONT');
    await frozen.until(
      'it has stopped at once',
      (lines) => lines.some(({ msg, outcome }) => /another|fence|given up/i.test(msg) || outcome !== undefined),
      30_000,
    );
    await ledger.close(t, {
      scenario: `one of two runners is frozen (SIGSTOP) past its lease ${phase}; the event is ${copy}`,
      on: `RabbitMQ ${version}`,
      mostBoughtAgain: phase === 'in the middle of an answer' ? 1 : 0,
    });
    assert.equal(frozen.hasEnded(), false);
    assert.equal(
      endsOf(frozen, EVENT).filter(({ outcome }) => outcome === 'done').length,
      0,
      'the one that was frozen has done nothing more',
    );
  });
}

const SKEW_MS = 2 * 3_600_000;

/** A runner whose clock is ahead by two hours, twice the time to live of an event, and one whose clock is as far behind; the first is killed. */
export async function skewedClocks(t: TestContext, version: RabbitVersion): Promise<void> {
  const concurrency = 4;
  await onPodsStage(
    t,
    version,
    async (stage) => {
      const { stub, sink, start } = stage;
      const ledger = createLedger(stage);
      stub.script(() => ({ delayMs: 300 }));
      sink.script(({ ordinal }) => (ordinal % 7 === 0 ? { status: 503 } : {}));
      const gateway = await start('gateway');
      const skewed = (ms: number) =>
        start(
          'runner',
          {},
          { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'skewed-clock.ts')}`, EVENTAGENT_TEST_SKEW_MS: String(ms) },
        );
      const [ahead, behind] = await Promise.all([skewed(SKEW_MS), skewed(-SKEW_MS)]);
      await Promise.all([gateway, ahead, behind].map((pod) => pod.untilReady()));
      const ids = Array.from({ length: 60 }, (_, index) => `event-${index}`);
      await Promise.all(ids.map((id) => ledger.sendSurely(() => gateway.gatewayUrl, id)));
      await sink.until('some are done', () => sink.effects().length >= 20, 60_000);
      const [line] = ahead.lines();
      assert.ok(Date.parse(String(line?.time)) > Date.now() + SKEW_MS / 2, 'its clock is wrong');
      await ahead.kill();
      await ledger.close(t, {
        scenario: 'the clocks of two runners are wrong by two hours, one ahead and one behind; one is killed (-9)',
        on: `RabbitMQ ${version}`,
        mostBoughtAgain: concurrency,
      });
    },
    { delivery: { concurrency, retryDelaysSeconds: [1], eventTtlSeconds: 3600 } },
  );
}

/** Three tiers and what they delay, for an event that says that it had been tried 99 times, by headers that are not to be believed. */
export async function retryTiers(t: TestContext, version: RabbitVersion): Promise<void> {
  const tiers = [1, 2, 3] as const;
  await onPodsStage(
    t,
    version,
    async (stage) => {
      const { sink, start, publish } = stage;
      const ledger = createLedger(stage);
      sink.script(({ ordinal }) => (ordinal <= tiers.length ? { status: 503 } : {}));
      const runner = await start('runner');
      await runner.untilReady();
      const death = { count: 99, queue: WORK, reason: 'rejected', exchange: WORK, 'routing-keys': ['work'] };
      const headers = {
        'ea-attempt': 99,
        'ea-gen': 7,
        'x-death': [death],
        'x-delivery-count': 99,
        'ce-type': 'forged',
        'ce-source': '/tests',
      };
      // Past the agent's own exchange, as anybody could who may write to the queue.
      await publish('amq.default', WORK, JSON.stringify({ title: 'forged' }), {
        message_id: EVENT,
        content_type: 'application/json',
        headers,
      });
      ledger.accept(EVENT);
      await settled(runner, EVENT, 40_000);
      const times = sink.requests().map(({ at }) => at);
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      t.diagnostic(`tiers of ${tiers.join(', ')} s: ${gaps.join(', ')} ms between the requests`);
      assert.equal(gaps.length, tiers.length);
      for (const [index, tier] of tiers.entries())
        assert.ok((gaps[index] ?? 0) >= tier * 1000, `${gaps[index]} ms in the tier of ${tier} s`);
      assert.deepEqual(
        endsOf(runner, EVENT).map(({ outcome, attempt }) => [outcome, attempt]),
        [
          ['retried', 1],
          ['retried', 2],
          ['retried', 3],
          ['done', 4],
        ],
      );
      await ledger.close(t, { scenario: 'an event with forged counters fails three times', on: `RabbitMQ ${version}` });
    },
    { delivery: { maxAttempts: 4, retryDelaysSeconds: [...tiers] } },
  );
}

/** An event that ends its process each time, among others that are innocent. */
export async function crashLoop(t: TestContext, version: RabbitVersion): Promise<void> {
  const concurrency = 5;
  const starts = 5;
  await onPodsStage(
    t,
    version,
    async (stage) => {
      const { stub, start, look } = stage;
      const ledger = createLedger(stage);
      const gateway = await start('gateway');
      await gateway.untilReady();
      stub.script(({ marker }) => (marker === 'poison' ? { hold: { at: 'headers', until: createGate().opened } } : { delayMs: 100 }));
      const ids = ['poison', ...Array.from({ length: 20 }, (_, index) => `event-${index}`)];
      const isDead = async () => (await look(`${WORK}.dead`)).length > 0;
      const calls = () => stub.received().filter(({ marker }) => marker === 'poison').length;
      let kills = 0;
      for (;;) {
        const runner = await start('runner');
        if (kills === 0) {
          await runner.untilReady();
          await Promise.all(ids.map((id) => ledger.sendSurely(() => gateway.gatewayUrl, id)));
        }
        await eventually('it is run again, or given up', async () => calls() > kills || (await isDead()), TAKEOVER_MS);
        if (calls() === kills) break;
        await runner.kill();
        kills += 1;
      }
      assert.deepEqual([kills, calls()], [starts, starts]);
      const [letter] = await look(`${WORK}.dead`);
      assert.equal(letter?.properties.headers['ea-reason'], 'CrashLoop');
      await ledger.close(t, {
        scenario: `an event ends its process at each of ${starts} starts, among ${ids.length - 1} others`,
        on: `RabbitMQ ${version}`,
        dead: ['poison'],
        mostBoughtAgain: starts * concurrency,
        timeoutMs: 180_000,
      });
    },
    { delivery: { concurrency } },
  );
}

/** A run that takes longer than the broker lets a delivery go unsettled, which no configuration allows: the broker is set to 10 s. */
export async function consumerTimeout(t: TestContext, version: RabbitVersion): Promise<void> {
  await using server = await partOrSkip(t, () => startRabbitMq(version, { consumerTimeoutMs: 10_000 }));
  if (server == null) return;
  await onPodsStage(t, server, async (stage: PodsStage) => {
    const { stub, start } = stage;
    const ledger = createLedger(stage);
    const [gateway, runner] = [await start('gateway'), await start('runner')];
    await Promise.all([gateway.untilReady(), runner.untilReady()]);
    const answer = createGate();
    stub.next({ hold: { at: 'headers', until: answer.opened } });
    assert.equal(await ledger.send(gateway.gatewayUrl, EVENT), 202);
    await stub.until('the call is held', () => stub.underWay(1) === 'headers');
    // The broker looks for such deliveries once a minute, on some versions.
    await runner.until('it is delivered again', () => endsOf(runner, EVENT).some(({ outcome }) => outcome === 'waiting'), 180_000);
    answer.open();
    await ledger.close(t, {
      scenario: 'a run takes longer than the consumer timeout of the broker (10 s)',
      on: `RabbitMQ ${version}`,
      mostBoughtAgain: 1,
    });
  });
}
