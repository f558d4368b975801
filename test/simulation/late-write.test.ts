import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import { stageOf } from './stage.ts';

test('a write that arrives after its repetition and after the end of the event undoes nothing: the sender is not answered anew', async () => {
  const { world, start } = await stageOf();
  start();
  world.holdUpWrite(20_000);
  await world.publish('event');
  await world.clock.advance(15_000);
  assert.equal(world.records.get('event')?.phase, 'done');
  await world.clock.advance(60_000);
  assert.equal(world.records.get('event')?.phase, 'done');
  await world.publish('event');
  await world.clock.advance(60_000);
  assert.deepEqual([...world.sink.arrivals.values()], [1]);
  assertNothingBroken(world);
});
