import assert from 'node:assert/strict';
import { deadLetterReasons } from '../../src/api/reasons.ts';
import { EMPTY_LEDGER, type Ledger } from '../../src/runner/budget/ledger.ts';
import { nameOf } from './name.ts';
import type { World } from './world.ts';

const DAY_MS = 24 * 3_600_000;

/** What must hold once nothing is under way any more, whatever happened before. */
export function assertNothingBroken(world: World, where = 'undisturbed'): void {
  assert.deepEqual(world.badAcks, [], `${where}: acknowledged before anything else held the event`);
  for (const queue of world.queues()) {
    if (queue !== world.names.dead) assert.equal(world.broker.counts(queue)?.total, 0, `${where}: ${queue} is empty`);
  }
  const deadLetters = world.broker.messages(world.names.dead);
  for (const { headers } of deadLetters)
    assert.ok(Object.hasOwn(deadLetterReasons, String(headers['ea-reason'])), `${where}: a dead letter says why: ${headers['ea-reason']}`);
  // A letter whose event has been redriven since says nothing any more: its runner had published it twice, around a crash, and the next redrive takes it away.
  const isPast = (id: string, gen: number) => (world.records.get(id)?.gen ?? 0) > gen;
  const dead = new Set(
    deadLetters.flatMap(({ headers }) => (isPast(nameOf(headers), Number(headers['ea-gen'] ?? 0)) ? [] : [nameOf(headers)])),
  );
  const keysOf = new Map<string, string[]>();
  for (const [key, { request }] of world.sink.effects) {
    const id = /answer to ([\w-]+)/.exec(request.body)?.[1] ?? 'unknown';
    keysOf.set(id, [...(keysOf.get(id) ?? []), key]);
  }
  const records = [...world.records.values()];
  const isRedriven = records.some(({ gen }) => gen > 0);
  // An output whose answer nobody knows is rendered anew by a redrive, and sent again with its key: of a new answer, where the model has changed.
  if (!isRedriven || records.every(({ freshStarts = 0 }) => freshStarts === 0))
    assert.deepEqual(world.sink.contradictions, [], `${where}: one key, one request`);
  if (!isRedriven && world.configuration.outputs.every(({ onUnknownResult }) => onUnknownResult === 'DeadLetter'))
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
    const again = (world.interruptions.get(id) ?? 0) + (world.model.unusable.get(id) ?? 0) + (record?.freshStarts ?? 0);
    assert.ok(
      sold <= 1 + again,
      `${where}: an answer is bought once, and once more for each end without a checkpoint, each unusable one and each announced fresh start; ${id}: ${sold}`,
    );
    assert.ok(effects <= world.configuration.outputs.length, `${where}: ${id} has no effect twice`);
    // The calls of runs that were never begun again are not looked for.
    if (record?.result?.outcome === 'dead' && record.result.reason === 'CrashLoop') continue;
    const { inputTokens = 0, outputTokens = 0 } = record?.spent ?? {};
    const billed = world.model.ledger.reduce((sum, { prompt, tokens }) => sum + (prompt === id ? tokens : 0), 0);
    assert.ok(
      inputTokens + outputTokens >= billed,
      `${where}: ${id} was billed ${billed} tokens, its record says ${inputTokens + outputTokens}`,
    );
  }
  assert.deepEqual(
    [...keysOf.keys()].filter((id) => !world.published.has(id)),
    [],
    `${where}: no effect of an event that never was`,
  );
}

/** What is booked and reserved of the agent's budget. */
export async function ledgerOf(world: World): Promise<Ledger> {
  const read = world.store.readCell({ owner: world.configuration.agent, name: 'budget' });
  await world.clock.advance(0);
  const { stored } = await read;
  return stored === undefined ? EMPTY_LEDGER : (JSON.parse(stored.text) as Ledger);
}

/** Tokens that were billed, by the UTC day on which the call began. */
export function billedByDay({ model }: World): ReadonlyMap<number, number> {
  const days = new Map<number, number>();
  for (const { at, tokens } of model.ledger) days.set(Math.floor(at / DAY_MS), (days.get(Math.floor(at / DAY_MS)) ?? 0) + tokens);
  return days;
}

/** That no day was billed more tokens than it may be, and that the ledger has at least what was billed. */
export async function assertNothingOverspent(world: World, perDay: number, where: string): Promise<void> {
  for (const [day, tokens] of billedByDay(world)) assert.ok(tokens <= perDay, `${where}: ${tokens} of ${perDay} on day ${day}`);
  const { month } = await ledgerOf(world);
  const billed = world.model.ledger.reduce((sum, { tokens }) => sum + tokens, 0);
  assert.ok((month?.tokens ?? 0) >= billed, `${where}: ${month?.tokens} booked, ${billed} billed`);
}
