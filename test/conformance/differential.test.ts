import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { BrokerVersion } from '../../src/broker/embedded-profile.ts';
import { type RabbitAddress, rabbitVersions, sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import { keys, type Operation, queues, Side, TIER_MS } from './differential-side.ts';
import { embeddedWorld } from './embedded-world.ts';
import { rabbitWorld } from './rabbitmq-world.ts';

/*
 * The same random operations on the embedded broker and on RabbitMQ: what the client is told, each delivery with its headers, the counts after each operation, and what is left in the end
 * must be the same. The embedded broker goes first; RabbitMQ then has some time to come to the same.
 *
 * Left out, because RabbitMQ itself does it now so and now so:
 * - the order in which the messages of several channels come back to one queue when all go down at once (each channel is a process of its own);
 * - how far a dead-letter move overshoots the limit of a full queue: 4.0 lets all moves that are under way in, 4.3 only some.
 * And because the embedded broker is stricter on purpose: a dead letter that is moved at most once into a full queue is dropped there, while RabbitMQ stores it over the limit.
 */

/** Without a number the same sequences each time; with one, so many others. */
const { EVENTAGENT_DIFFERENTIAL_RUNS, EVENTAGENT_DIFFERENTIAL_REPLAY } = process.env;
const RUNS = Number(EVENTAGENT_DIFFERENTIAL_RUNS ?? 12);
/** `seed:path` as a failure has printed them. */
const [seed, path] = (EVENTAGENT_DIFFERENTIAL_REPLAY ?? (EVENTAGENT_DIFFERENTIAL_RUNS === undefined ? '1' : '')).split(/:(.*)/s);
const replay = seed ? { seed: Number(seed), ...(path ? { path } : {}) } : {};

/** A sequence takes about 2.5 s. When this time is over a failure is made no smaller, and a machine that is too busy has done what it could. */
const TIME_MS = 20_000 + RUNS * 6_000;

/** How long RabbitMQ may take until it shows what the embedded broker has shown. */
const PATIENCE_MS = 15_000;

const channel = fc.nat(2);
// Most of what there is to go wrong goes wrong in the first three.
const queue = fc.constantFrom('work', 'work', 'dead', 'dead', 'tier', ...Object.keys(queues));
const pick = fc.nat(4);
const requeue = fc.boolean();
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('publish' as const), channel, key: fc.constantFrom('work', 'tier', ...keys) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('consume' as const), channel, queue }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), channel, queue }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), channel, pick }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('nack' as const, 'reject' as const), channel, pick, requeue }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'close' as const), channel }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('publish-nowhere' as const), channel }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'elapse' as const) }) },
);

for (const version of rabbitVersions) {
  suite(`the embedded broker beside RabbitMQ ${version}`, () => {
    test('sequences of operations leave the same traces', async (t) => {
      const server = await partOrSkip(t, () => sharedRabbitMq(version));
      if (server === undefined) return;
      let alike = 0;
      const property = fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 60, size: 'max' }), (operations) =>
        compare(server, version, operations).then(() => {
          alike += 1;
        }),
      );
      await fc.assert(property, { numRuns: RUNS, ...replay, interruptAfterTimeLimit: TIME_MS });
      t.diagnostic(`${alike} sequences`);
    });
  });
}

async function compare(server: RabbitAddress, version: BrokerVersion, operations: readonly Operation[]): Promise<void> {
  const clock = createVirtualClock(Date.now());
  // Not disposed of: its connections would wait for a clock that nobody moves any more.
  const embedded = embeddedWorld(version, { clock });
  await using real = await rabbitWorld(server);
  const [model, rabbit] = [await drive(clock, Side.create(embedded)), await Side.create(real)];
  let tierSince: number | undefined;
  const elapse = async () => {
    await clock.advance(TIER_MS);
    await delay(TIER_MS + 20);
    tierSince = undefined;
    await settled(model, rabbit, 'after the time in the tier');
  };
  // A machine that stood still until the time in the tier was over has shown nothing.
  const inTime = () => tierSince === undefined || Date.now() - tierSince < TIER_MS * 0.9;
  for (const [index, step] of operations.entries()) {
    // Real time passes also where nobody lets it: before it counts, it is let pass on both sides.
    if (step.do === 'elapse' || (tierSince !== undefined && Date.now() - tierSince > TIER_MS * 0.3)) await elapse();
    if (step.do === 'publish' && step.key === 'tier') tierSince ??= Date.now();
    const where = `operation ${index}, ${JSON.stringify(step)}`;
    const expected = await drive(clock, model.perform(step));
    const actual = await rabbit.perform(step);
    fc.pre(inTime());
    assert.equal(actual, expected, where);
    await settled(model, rabbit, where, () => fc.pre(inTime()));
  }
  await same(clock, model, rabbit);
}

/** Closes the channels one by one and compares what all queues hold. */
async function same(clock: VirtualClock, model: Side, rabbit: Side): Promise<void> {
  assert.deepEqual(rabbit.open, model.open);
  for (const number of model.open) {
    const close = { do: 'close', channel: number } as const;
    await drive(clock, model.perform(close));
    await rabbit.perform(close);
    await settled(model, rabbit, `closing channel ${number}`);
  }
  await clock.advance(TIER_MS);
  await delay(TIER_MS + 20);
  await settled(model, rabbit, 'the end');
  for (const name of Object.keys(queues))
    assert.deepEqual(await rabbit.drain(name), await drive(clock, model.drain(name)), `what is left in ${name}`);
}

/** Lets time stand still while something on the embedded broker takes its turns. */
async function drive<Result>(clock: VirtualClock, result: Promise<Result>): Promise<Result> {
  let done = false;
  void result
    .catch(() => {})
    .finally(() => {
      done = true;
    });
  await clock.runUntil(() => done, 60_000);
  await clock.advance(0);
  return await result;
}

/** Waits until RabbitMQ shows what the embedded broker shows, or fails with the difference; `onDifference` may end that earlier. */
async function settled(model: Side, rabbit: Side, where: string, onDifference = () => {}): Promise<void> {
  const expected = { seen: model.seen, ready: await model.ready() };
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const actual = { seen: rabbit.seen, ready: await rabbit.ready() };
    try {
      assert.deepEqual(actual, expected, where);
      return;
    } catch (error) {
      onDifference();
      if (Date.now() > deadline) throw error;
      await delay(5);
    }
  }
}
