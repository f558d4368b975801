import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { endsOf } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { createLedger } from '../support/ledger.ts';
import { onPodsStage } from '../support/pods-stage.ts';
import { scrape, sumOf } from '../support/scrape.ts';

/** Twelve to thirteen calls that use all that they may at once, and then one in five seconds. */
const TOKENS_PER_MINUTE = 6_000;
const EVENTS = 23;

/** What waits for the rate is held for 5 s; the rest is for a busy machine. All that have to wait, held in hand, would take longer. */
const MOST_HELD_MS = 15_000;

suite('tokens a minute', () => {
  test("hold over two runners: by the provider's books no more in any time than one minute's and what has come back in it, no delivery waits in hand, and nothing is lost", (t) =>
    onPodsStage(
      t,
      '4.3',
      async (stage) => {
        const { stub, start, reviewer } = stage;
        const ledger = createLedger(stage);
        // Each fifth call uses little, which comes back; the others use all that they may.
        stub.script(({ ordinal, bytes, maxTokens }) => (ordinal % 5 === 0 ? {} : { usage: { input: bytes, output: maxTokens } }));
        const configuration = { ...reviewer.runner, rateLimit: { tokensPerMinute: TOKENS_PER_MINUTE } };
        const gateway = await start('gateway');
        const runners = [await start('runner', { configuration }), await start('runner', { configuration })];
        await Promise.all([gateway, ...runners].map((pod) => pod.untilReady()));
        for (let event = 0; event < EVENTS; event += 1) assert.equal(await ledger.send(gateway.gatewayUrl, `event-${event}`), 202);
        const isPaused = async () =>
          (await Promise.all(runners.map(({ metricsUrl }) => scrape(`${metricsUrl}/metrics`)))).some(
            (samples) => sumOf(samples, 'eventagent_intake_paused', { reason: 'rate' }) === 1,
          );
        const wasPaused = eventually('a runner takes nothing for a while', isPaused, 60_000).then(
          () => true,
          () => false,
        );
        await ledger.close(t, { scenario: 'two runners share a rate of tokens', on: 'RabbitMQ 4.3' });

        const bound = Math.max(...stub.received().map(({ bytes, maxTokens }) => bytes + maxTokens));
        const calls = stub
          .ledger()
          .map(({ at, billed }) => ({ at, tokens: billed.input + billed.output }))
          .toSorted((one, other) => one.at - other.at);
        assert.equal(calls.length, EVENTS);
        for (const [from, first] of calls.entries()) {
          let used = 0;
          for (const { at, tokens } of calls.slice(from)) {
            used += tokens;
            const allowed = TOKENS_PER_MINUTE * (1 + (at - first.at) / 60_000) + bound;
            assert.ok(used <= allowed, `${used} tokens within ${at - first.at} ms, of ${allowed}`);
          }
        }
        const ends = runners.flatMap((runner) => endsOf(runner));
        const held = Math.max(...ends.map(({ durationMs }) => Number(durationMs)));
        assert.ok(held <= MOST_HELD_MS, `${held} ms in hand`);
        for (const runner of runners)
          assert.ok(
            endsOf(runner).some(({ outcome }) => outcome === 'done'),
            'both have called',
          );
        assert.ok(
          ends.some(({ outcome, reason }) => outcome === 'handed_back' && reason === 'OwnRateLimit'),
          'some went back to the queue',
        );
        assert.ok(await wasPaused, 'and nothing was taken for a while');
      },
      { delivery: { concurrency: 4 } },
    ));
});
