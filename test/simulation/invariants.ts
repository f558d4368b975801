import assert from 'node:assert/strict';
import { nameOf } from './name.ts';
import type { World } from './world.ts';

/** What must hold once nothing is under way any more, whatever happened before. */
export function assertNothingBroken(world: World, where = 'undisturbed'): void {
  assert.deepEqual(world.badAcks, [], `${where}: acknowledged before anything else held the event`);
  for (const queue of world.queues()) {
    if (queue !== world.names.dead) assert.equal(world.broker.counts(queue)?.total, 0, `${where}: ${queue} is empty`);
  }
  const deadLetters = world.broker.messages(world.names.dead);
  for (const { headers } of deadLetters) assert.ok(headers['ea-reason'], `${where}: a dead letter says why`);
  const dead = new Set(deadLetters.map(({ headers }) => nameOf(headers)));
  const keysOf = new Map<string, string[]>();
  for (const [key, { request }] of world.sink.effects) {
    const id = /answer to ([\w-]+)/.exec(request.body)?.[1] ?? 'unknown';
    keysOf.set(id, [...(keysOf.get(id) ?? []), key]);
  }
  assert.deepEqual(world.sink.contradictions, [], `${where}: one key, one request`);
  if (world.configuration.outputs.every(({ onUnknownResult }) => onUnknownResult === 'DeadLetter'))
    assert.deepEqual(world.sink.blindRepeats, [], `${where}: what may have arrived is not sent again`);
  for (const id of world.published.keys()) {
    const record = world.records.get(id);
    const outcomes = [record?.phase === 'done' && record.result?.outcome !== 'filtered', dead.has(id), world.filtered.has(id)].filter(
      Boolean,
    ).length;
    assert.equal(
      outcomes,
      1,
      `${where}: ${id} ends in exactly one place, record ${JSON.stringify(record)}, dead letters ${[...dead].join(' ')}`,
    );
    if (record !== undefined && !world.filtered.has(id))
      assert.equal(record.phase, dead.has(id) ? 'dead' : 'done', `${where}: the record of ${id} agrees`);
    const effects = keysOf.get(id)?.length ?? 0;
    if (record?.phase === 'done' && record.result?.outcome === 'done')
      assert.equal(effects, world.configuration.outputs.length, `${where}: ${id} reached each output once`);
    const sold = world.model.sold.get(id) ?? 0;
    assert.ok(
      sold <= 1 + (world.interruptions.get(id) ?? 0),
      `${where}: an answer is bought once, and once more for each end without a checkpoint; ${id}: ${sold}`,
    );
    assert.ok(effects <= world.configuration.outputs.length, `${where}: ${id} has no effect twice`);
  }
  assert.deepEqual(
    [...keysOf.keys()].filter((id) => !world.published.has(id)),
    [],
    `${where}: no effect of an event that never was`,
  );
}
