import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { type BrokerTrouble, refused, underLoad } from './broker-scene.ts';
import { eventually } from './eventually.ts';

/** Longer than it takes either end to take the other, which it does not hear, for dead. */
const SILENCE_MS = 90_000;

/** A broker that is there and says nothing, for so long that everybody takes everybody else for dead. */
export const brokerSilences: readonly BrokerTrouble[] = [
  {
    name: `the broker is frozen (SIGSTOP) for ${SILENCE_MS / 1000} s`,
    end: 'done',
    body: (scene) =>
      underLoad(scene, async () => {
        scene.server.pause();
        try {
          await Promise.all([refused(scene), delay(SILENCE_MS)]);
        } finally {
          scene.server.resume();
        }
      }),
  },
  {
    name: `between runner and broker nothing goes through for ${SILENCE_MS / 1000} s, and no connection is closed`,
    end: 'done',
    body: (scene) =>
      underLoad(scene, async () => {
        const { runnerProxy, ledger, sink } = scene;
        runnerProxy.swallow();
        try {
          const waiting = () => ledger.accepted().size - sink.effects().length;
          const before = waiting();
          await delay(SILENCE_MS);
          assert.ok(waiting() > before + 100, `events are accepted and wait: ${before}, then ${waiting()}`);
          assert.notEqual((await scene.runner.readyz())[0], 200, 'it knows that it hears nothing');
        } finally {
          runnerProxy.heal();
        }
      }),
  },
  {
    name: 'between one of two runners and the broker nothing goes through in the middle of its runs, until the other one has done everything',
    end: 'done',
    body: async (scene) => {
      const { runnerProxy, stub, sink, ledger } = scene;
      await using other = await scene.start('runner');
      await other.untilReady();
      // Slow enough to be in the middle, and fast enough for one alone.
      stub.script(() => ({ delayMs: 150 }));
      try {
        await underLoad(scene, async () => {
          runnerProxy.swallow();
          await delay(SILENCE_MS);
        });
        const ids = [...ledger.accepted()];
        await sink.until('all are done', () => ids.every((id) => sink.effects().some(({ body }) => body.includes(`"${id}"`))), 120_000);
        assert.notEqual((await scene.runner.readyz())[0], 200, 'one still hears nothing');
      } finally {
        runnerProxy.heal();
        stub.script(() => ({ delayMs: 20 }));
      }
      await eventually('it is back', async () => (await scene.runner.readyz())[0] === 200, 60_000);
      other.signal('SIGTERM');
      assert.equal(await other.exit, 0);
    },
  },
];
