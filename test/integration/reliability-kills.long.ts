import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../simulation/random.ts';
import { createLedger } from '../support/ledger.ts';
import { onPodsStage } from '../support/pods-stage.ts';

const EVENTS = 10_000;
const RUNNERS = 4;
const SLOTS = 16;
const SEED = 20260103;

/** Deliveries under way at a time at the gateway. */
const SENDERS = 24;

/** Between two kills. */
const PAUSE_MS = { least: 500, most: 3_000 };

test(`${EVENTS} events through ${RUNNERS} runners that are killed (-9) at random, by the ledger`, (t) =>
  onPodsStage(
    t,
    '4.3',
    async (stage) => {
      const { stub, sink, start } = stage;
      const random = createRandom(SEED);
      const ledger = createLedger(stage);
      stub.script(() => ({ delayMs: random.integer(5, 150) }));
      // Now and then busy, and now and then silent after the effect.
      sink.script(({ ordinal }) => (ordinal % 50 === 0 ? { status: 503 } : ordinal % 71 === 0 ? { ending: 'reset', effect: true } : {}));
      const gateway = await start('gateway');
      const runners = await Promise.all(Array.from({ length: RUNNERS }, () => start('runner')));
      await Promise.all([gateway, ...runners].map((pod) => pod.untilReady()));

      let next = 0;
      const sender = async () => {
        while (next < EVENTS) {
          next += 1;
          await ledger.sendSurely(() => gateway.gatewayUrl, `event-${next}`);
        }
      };
      const sending = Promise.all(Array.from({ length: SENDERS }, sender));
      let kills = 0;
      while (sink.effects().length < EVENTS * 0.9) {
        await delay(random.integer(PAUSE_MS.least, PAUSE_MS.most));
        const victim = random.integer(0, RUNNERS - 1);
        await runners[victim]?.kill();
        kills += 1;
        runners[victim] = await start('runner');
      }
      await sending;
      assert.equal(ledger.accepted().size, EVENTS);
      assert.ok(kills >= 10, `${kills} kills`);
      await ledger.close(t, {
        scenario: `${RUNNERS} runners with ${SLOTS} slots each, of which one after the other is killed (-9) at random`,
        on: 'RabbitMQ 4.3',
        mostBoughtAgain: kills * SLOTS,
        timeoutMs: 900_000,
      });
      t.diagnostic(`${kills} kills, ${sink.requests().length} requests to the sink, ${stub.received().length} calls of the model`);
    },
    { delivery: { concurrency: SLOTS, retryDelaysSeconds: [1, 5] } },
  ));
