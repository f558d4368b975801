import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secrets } from '../../src/api/configuration.ts';
import { assertNothingBroken } from './invariants.ts';
import { diesAt, stageOf } from './stage.ts';

const HOURS_MS = 3 * 3_600_000;
const ref = (key: string) => ({ name: 'keys', key });
const checkpoints = (...keys: readonly string[]) => ({ checkpoints: { encryptionKeyRefs: keys.map(ref) } });

/** Secrets whose keys can be taken away and given back. */
function vault(): { readonly secrets: Secrets; readonly values: Map<string, string> } {
  const values = new Map(['old', 'new'].map((name, index) => [name, Buffer.alloc(32, index + 1).toString('base64')]));
  return { values, secrets: ({ name, key }) => (name === 'keys' ? values.get(key) : 'secret') };
}

for (const call of ['store.update running', 'send out', 'store.update done'])
  test(`what is recorded in secret is gone on with after a crash at ${call}: bought once, sent once`, async () => {
    const { world, start } = await stageOf({ secrets: vault().secrets, agent: checkpoints('old') });
    start(diesAt(call));
    await world.publish('event');
    await world.clock.runUntil(() => world.records.get('event')?.outputs.out !== undefined, HOURS_MS).catch(() => {});
    await world.clock.runUntil(() => world.settled(), HOURS_MS);
    assertNothingBroken(world);
    assert.doesNotMatch(JSON.stringify(world.records.get('event')), /answer to|sink\.example/);
    assert.equal(world.model.sold.get('event'), call === 'store.update running' ? 2 : 1);
    assert.equal(world.deaths, 1);
  });

test('while a key cannot be read nothing is taken, and no event grows old', async () => {
  const { values, secrets } = vault();
  values.delete('old');
  const { world, start } = await stageOf({ secrets, agent: { ...checkpoints('old'), delivery: { eventTtlSeconds: 600 } } });
  start();
  await world.publish('event');
  await world.clock.advance(2 * 3_600_000);
  assert.deepEqual([world.settled(), world.records.size, world.model.sold.size], [false, 0, 0]);
  values.set('old', Buffer.alloc(32, 1).toString('base64'));
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.equal(world.records.get('event')?.result?.outcome, 'done');
});

test('a key that is taken away holds its events, and nothing is bought again; given back, they go on', async () => {
  const { values, secrets } = vault();
  const { world, lines, start } = await stageOf({ secrets, agent: checkpoints('old') });
  const replica = start();
  await world.publish('event');
  // The answer is bought, and no output begins any more.
  await world.clock.advance(500);
  void replica.close();
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'parked', HOURS_MS);
  // Rotated, and the old one not given any more.
  world.change({ agent: checkpoints('new') });
  const rotated = start();
  await world.clock.advance(600_000);
  assert.equal(world.settled(), false);
  const told = lines.find(({ msg }) => /cannot be opened/.test(msg));
  assert.match(String(told?.error), /spec\.checkpoints\.encryptionKeyRefs does not have: give that key as a further entry/);
  assert.equal(world.records.get('event')?.phase, 'parked', 'it was not taken');
  await world.publish('another');
  await world.clock.runUntil(() => world.records.get('another')?.phase === 'done', HOURS_MS);
  world.change({ agent: checkpoints('new', 'old') });
  rotated.current().die();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.equal(world.model.sold.get('event'), 1);
  values.delete('new');
  await world.publish('third');
  await world.clock.advance(60_000);
  assert.equal(world.records.get('third'), undefined, 'nothing is written in clear');
  assert.equal(world.model.sold.get('third'), undefined);
  values.set('new', Buffer.alloc(32, 9).toString('base64'));
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
});
