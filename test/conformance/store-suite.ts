import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { EventRecord, Spent } from '../../src/api/record.ts';
import { PAUSE_RETENTION_MS, type RecordKey, type Store, StoreError } from '../../src/store/port.ts';

/** A store under test, and a way to let its time pass. */
export interface StoreWorld {
  readonly store: Store;
  /** A second client of the same store. */
  readonly other: Store;
  /** Lets at least this time pass for the store. */
  readonly pass: (ms: number) => Promise<void>;
}

function record(change: Partial<EventRecord> = {}): EventRecord {
  return { gen: 0, attempt: 1, phase: 'running', fence: 'a', starts: 1, startedAt: 5, outputs: {}, ...change };
}

function spent(turns: number, costNanoUsd: number | 'unknown'): Spent {
  return { turns, inputTokens: 1, outputTokens: 1, costNanoUsd, estimated: false };
}

function freshKey(): RecordKey {
  return { agent: { namespace: 'test', name: `agent-${randomUUID().slice(0, 8)}` }, event: randomUUID() };
}

/** What every store must do, whatever it is made of. */
export function storeConformance(name: string, makeWorld: () => Promise<StoreWorld>): void {
  const about = (title: string, body: (world: StoreWorld) => Promise<void>) =>
    test(`${name}: ${title}`, async () => body(await makeWorld()));

  about('it answers a question that asks nothing', async ({ store, other }) => {
    assert.deepEqual(await Promise.all([store.ping(), other.ping()]), [undefined, undefined]);
  });

  about('a cell is written only by who knows its last version, and forgotten in time', async ({ store, other, pass }) => {
    const key = { owner: freshKey().agent, name: 'cell' };
    const ofNamespace = { owner: { namespace: key.owner.namespace }, name: key.owner.name };
    assert.equal((await store.readCell(key)).stored, undefined);
    const first = await store.replaceCell(key, 0, 'one: "ü"', 60_000);
    assert.ok(first.written);
    assert.deepEqual((await other.readCell(key)).stored, { text: 'one: "ü"', version: first.version });
    const late = await other.replaceCell(key, 0, 'two', 60_000);
    assert.deepEqual([late.written, 'stored' in late ? late.stored?.text : undefined], [false, 'one: "ü"']);
    const second = await other.replaceCell(key, first.version, 'two', 1000);
    assert.ok(second.written && second.version > first.version);
    assert.ok((await store.replaceCell(ofNamespace, 0, 'another', 60_000)).written);
    await pass(1500);
    assert.equal((await store.readCell(key)).stored, undefined);
    const anew = await store.replaceCell(key, 0, 'three', 60_000);
    assert.ok(anew.written && anew.version > second.version, 'a version is never given twice');
    assert.equal((await other.replaceCell(key, second.version, 'four', 60_000)).written, false);
    assert.equal((await store.readCell(ofNamespace)).stored?.text, 'another');
  });

  about('the day knows what its writes have added to the cost of events, each once, whatever becomes of the records', async (world) => {
    const { store, other, pass } = world;
    const key = freshKey();
    const { agent } = key;
    const second = { agent, event: 'second' };
    const cost = () => other.costToday(agent);
    assert.equal(await cost(), 0);
    assert.ok((await store.replace(key, 0, { record: record(), leaseMs: 60_000 })).written);
    assert.equal(await cost(), 0, 'nothing was bought');
    const bought = { record: record({ spent: spent(1, 1_000_000_007) }), leaseMs: 60_000, number: 1 };
    await store.update(key, 'a', bought);
    await store.update(key, 'a', bought);
    assert.equal(await cost(), 1_000_000_007, 'a write that is repeated adds nothing');
    assert.equal((await store.update(key, 'b', { record: record({ spent: spent(9, 9) }), leaseMs: 0, number: 1 })).written, false);
    const late = await store.replace(key, 1, { record: record({ spent: spent(9, 9) }), leaseMs: 0 });
    assert.equal(late.written, false);
    assert.equal(await cost(), 1_000_000_007, 'nor does one that is refused');
    const { stored } = await store.read(key);
    const taken = record({ fence: 'b', spent: spent(1, 1_000_000_007) });
    assert.ok((await other.replace(key, stored?.version ?? 0, { record: taken, leaseMs: 60_000 })).written);
    assert.equal(await cost(), 1_000_000_007, 'nor the next taker');
    const result = { outcome: 'dead' as const, reason: 'AttemptsExhausted' as const, endedAt: 1 };
    const dead = record({ fence: 'b', phase: 'dead', event: { id: 'x', type: 't' }, spent: spent(3, 1_000_000_017), result });
    await other.update(key, 'b', { record: dead, leaseMs: 0, number: 1, expireMs: 500 });
    await store.replace(second, 0, { record: record({ spent: spent(1, 3) }), leaseMs: 0 });
    assert.equal(await cost(), 1_000_000_020);
    assert.equal(await store.costToday(freshKey().agent), 0, 'another agent has its own');
    const version = (await store.read(second)).stored?.version ?? 0;
    assert.ok((await store.expire(second, version, 500)).expires);
    await pass(1000);
    assert.deepEqual([(await store.read(key)).stored, (await store.read(second)).stored], [undefined, undefined]);
    assert.equal(await cost(), 1_000_000_020, 'what is forgotten was spent');
    await store.replace(key, 0, { record: record({ spent: spent(1, 5) }), leaseMs: 0 });
    assert.equal(await cost(), 1_000_000_025);
  });

  about('a call without a known price makes the cost of the day unknown', async ({ store }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record({ spent: spent(1, 7) }), leaseMs: 60_000 });
    assert.equal(await store.costToday(key.agent), 7);
    await store.update(key, 'a', { record: record({ spent: spent(2, 'unknown') }), leaseMs: 60_000, number: 1 });
    assert.equal(await store.costToday(key.agent), 'unknown');
    await store.replace({ ...key, event: 'second' }, 0, { record: record({ spent: spent(1, 7) }), leaseMs: 0 });
    assert.equal(await store.costToday(key.agent), 'unknown');
  });

  about('a record that was never written is not there', async ({ store }) => {
    assert.equal((await store.read(freshKey())).stored, undefined);
  });

  about('what is written is read back whole, with its version and lease', async ({ store, other }) => {
    const key = freshKey();
    const turn = {
      requestDigest: 'x',
      text: 'ünï "quoted"\n\u0000 text',
      model: 'm',
      usage: { input: 1, output: 2, cacheRead: 3, cacheWrite5m: 4, cacheWrite1h: 5 },
    };
    const whole = record({
      turn,
      outputs: { a: { request: { method: 'POST', url: 'http://x/', headers: { b: 'c' }, body: '{}' }, state: 'intent' } },
    });
    const result = await store.replace(key, 0, { record: whole, leaseMs: 60_000 });
    assert.ok(result.written);
    const { stored, now } = await other.read(key);
    assert.ok(stored);
    assert.deepEqual([stored.record, stored.version], [whole, 1]);
    assert.ok(stored.leaseUntil > now && stored.leaseUntil <= now + 60_000);
  });

  about('of two takers with the same knowledge one wins, and the other learns of it', async ({ store, other }) => {
    const key = freshKey();
    const results = await Promise.all([
      store.replace(key, 0, { record: record({ fence: 'a' }), leaseMs: 1000 }),
      other.replace(key, 0, { record: record({ fence: 'b' }), leaseMs: 1000 }),
    ]);
    const winner = results.findIndex(({ written }) => written);
    const loser = results[1 - winner];
    assert.ok(loser !== undefined && !loser.written);
    assert.equal(loser.stored?.record.fence, ['a', 'b'][winner]);
  });

  about('a hundred takers at once: one wins', async ({ store, other }) => {
    const key = freshKey();
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => (i % 2 ? store : other).replace(key, 0, { record: record({ fence: `f${i}` }), leaseMs: 1000 })),
    );
    assert.equal(results.filter(({ written }) => written).length, 1);
  });

  about('a takeover needs the version that was seen: a renewal in between forbids it', async ({ store, other }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record({ fence: 'a' }), leaseMs: 1 });
    const { stored } = await other.read(key);
    assert.deepEqual(await store.renew(key, 'a', 60_000), { renewed: true });
    const takeover = await other.replace(key, stored?.version ?? 0, { record: record({ fence: 'b' }), leaseMs: 1000 });
    assert.ok(!takeover.written && takeover.stored?.record.fence === 'a' && takeover.stored.leaseUntil > takeover.now);
  });

  about('one that was frozen past its lease writes nothing after another has taken over', async ({ store, other, pass }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record({ fence: 'frozen' }), leaseMs: 20 });
    await pass(40);
    const { stored, now } = await other.read(key);
    assert.ok(stored && stored.leaseUntil < now, 'the lease has run out by the clock of the store');
    assert.ok((await other.replace(key, stored.version, { record: record({ fence: 'heir', starts: 2 }), leaseMs: 60_000 })).written);
    assert.deepEqual(await store.update(key, 'frozen', { record: record({ fence: 'frozen', phase: 'done' }), leaseMs: 0, number: 1 }), {
      written: false,
    });
    assert.deepEqual(await store.renew(key, 'frozen', 60_000), { renewed: false });
    const after = await store.read(key);
    assert.deepEqual([after.stored?.record.fence, after.stored?.record.phase], ['heir', 'running']);
  });

  about('one whose lease ran out goes on where nobody took over', async ({ store, pass }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record(), leaseMs: 20 });
    await pass(40);
    assert.deepEqual(await store.renew(key, 'a', 60_000), { renewed: true });
    const { stored, now } = await store.read(key);
    assert.ok(stored && stored.leaseUntil > now);
  });

  about('a write may be repeated after its answer was lost', async ({ store }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record(), leaseMs: 1000 });
    const write = { record: record({ phase: 'parked' as const, attempt: 2 }), leaseMs: 0, number: 1 };
    assert.deepEqual([await store.update(key, 'a', write), await store.update(key, 'a', write)], [{ written: true }, { written: true }]);
    const { stored } = await store.read(key);
    assert.deepEqual([stored?.record.attempt, stored?.leaseUntil], [2, 0]);
  });

  about(
    'a write that arrives after its repetition and what followed changes nothing, and its sender goes on',
    async ({ store, other, pass }) => {
      const key = freshKey();
      const event = { id: key.event, type: 't' };
      const checkpoint = { record: record({ event, spent: spent(1, 5) }), leaseMs: 60_000, number: 1 };
      const result = { outcome: 'done' as const, endedAt: 7 };
      const end = { record: record({ event, phase: 'done', spent: spent(2, 11), result }), leaseMs: 0, expireMs: 3_000, number: 3 };
      await store.replace(key, 0, { record: record({ event }), leaseMs: 60_000 });
      const answers = [];
      // Numbers may be missing: that of a write which never arrived.
      for (const write of [checkpoint, checkpoint, end, checkpoint, { ...checkpoint, number: 2 }, end, checkpoint])
        answers.push(await (answers.length % 2 ? store : other).update(key, 'a', write));
      assert.deepEqual(new Set(answers.map(({ written }) => written)), new Set([true]));
      const { stored } = await store.read(key);
      assert.deepEqual([stored?.record, stored?.leaseUntil, stored?.version], [end.record, 0, 5]);
      assert.equal((await store.receipts(key.agent, 0)).length, 1);
      assert.equal(await store.costToday(key.agent), 11);
      await pass(3_200);
      assert.equal((await store.read(key)).stored, undefined, 'it is forgotten in its time');
      assert.deepEqual(await store.update(key, 'a', checkpoint), { written: false });
    },
  );

  about('the next taker counts its writes anew', async ({ store, other }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record({ fence: 'a' }), leaseMs: 60_000 });
    await store.update(key, 'a', { record: record({ fence: 'a', phase: 'parked', attempt: 2 }), leaseMs: 0, number: 7 });
    const { stored } = await other.read(key);
    await other.replace(key, stored?.version ?? 0, { record: record({ fence: 'b', attempt: 2 }), leaseMs: 60_000 });
    await other.update(key, 'b', { record: record({ fence: 'b', attempt: 2, phase: 'decided' }), leaseMs: 60_000, number: 1 });
    assert.equal((await store.read(key)).stored?.record.phase, 'decided');
  });

  about('nobody writes a record that is not there', async ({ store }) => {
    const key = freshKey();
    assert.deepEqual(await store.update(key, 'a', { record: record(), leaseMs: 1000, number: 1 }), { written: false });
    assert.deepEqual(await store.renew(key, 'a', 1000), { renewed: false });
    assert.ok(!(await store.replace(key, 3, { record: record(), leaseMs: 1000 })).written);
  });

  about('a finished record is forgotten after its time, one at work stays', async ({ store, pass }) => {
    const [done, running] = [freshKey(), freshKey()];
    await store.replace(done, 0, { record: record(), leaseMs: 1000 });
    await store.update(done, 'a', { record: record({ phase: 'done' }), leaseMs: 0, number: 1, expireMs: 30 });
    await store.replace(running, 0, { record: record(), leaseMs: 10 });
    await pass(60);
    assert.equal((await store.read(done)).stored, undefined);
    assert.notEqual((await store.read(running)).stored, undefined);
    assert.ok((await store.replace(done, 0, { record: record({ fence: 'again' }), leaseMs: 1000 })).written);
  });

  about('a renewal that comes after the end does not keep a finished record for ever', async ({ store, pass }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record(), leaseMs: 1000 });
    await store.update(key, 'a', { record: record({ phase: 'done' }), leaseMs: 0, number: 1, expireMs: 30 });
    await store.renew(key, 'a', 1000);
    await pass(60);
    assert.equal((await store.read(key)).stored, undefined);
  });

  about('a renewal that arrives after the lease was given up does not bring it back', async ({ store }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record(), leaseMs: 60_000 });
    await store.update(key, 'a', { record: record(), leaseMs: 0, number: 1 });
    await store.renew(key, 'a', 60_000);
    const { stored } = await store.read(key);
    assert.deepEqual([stored?.leaseUntil, stored?.version], [0, 2]);
  });

  about('a write without an expiry takes back an earlier one', async ({ store, pass }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record(), leaseMs: 0, expireMs: 2_000 });
    await store.update(key, 'a', { record: record(), leaseMs: 1000, number: 1 });
    await pass(2_200);
    assert.notEqual((await store.read(key)).stored, undefined);
  });

  /** Has an event of the agent end, by the two writes of its taker. */
  const end = async (store: Store, key: RecordKey, change: Partial<EventRecord>, expireMs?: number) => {
    await store.replace(key, 0, { record: record(), leaseMs: 1000 });
    await store.update(key, 'a', {
      record: record({ ...change, event: { id: key.event, type: 't' } }),
      leaseMs: 0,
      number: 1,
      ...(expireMs === undefined ? {} : { expireMs }),
    });
  };
  const ids = async (store: Store, key: RecordKey, since = 0) => (await store.receipts(key.agent, since)).map(({ id }) => id);

  about('there are no receipts before an event has ended', async ({ store, other }) => {
    const key = freshKey();
    await store.replace(key, 0, { record: record({ event: { id: 'e', type: 't' } }), leaseMs: 1000 });
    assert.deepEqual(await other.receipts(key.agent, 0), []);
  });

  about('the write that ends an event files its receipt, by either kind of write, and every client reads it', async ({ store, other }) => {
    const [dead, expired] = [freshKey(), freshKey()];
    const spent = { turns: 2, inputTokens: 30, outputTokens: 4, costNanoUsd: 123_456_789_012, estimated: true };
    await end(store, dead, {
      phase: 'dead',
      attempt: 3,
      gen: 1,
      spent,
      freshStarts: 1,
      result: { outcome: 'dead', reason: 'Refused', endedAt: 1_700_000_000_123 },
    });
    const event = { id: 'ünï "x"', type: 'tick' };
    await store.replace({ ...expired, agent: dead.agent }, 0, {
      record: record({ event, phase: 'done', result: { outcome: 'expired', endedAt: 1_700_000_000_124 } }),
      leaseMs: 0,
      expireMs: 60_000,
    });
    const common = { startedAt: 5, redrives: 0, freshStarts: 0, attempts: 1 };
    assert.deepEqual(await other.receipts(dead.agent, 0), [
      {
        ...common,
        ...event,
        outcome: 'expired',
        turns: 0,
        inputTokens: 0,
        outputTokens: 0,
        costNanoUsd: 0,
        estimated: false,
        endedAt: 1_700_000_000_124,
      },
      {
        ...common,
        ...spent,
        id: dead.event,
        type: 't',
        outcome: 'dead',
        reason: 'Refused',
        attempts: 3,
        redrives: 1,
        freshStarts: 1,
        endedAt: 1_700_000_000_123,
      },
    ]);
    assert.deepEqual(await other.receipts(freshKey().agent, 0), [], 'of another agent there is nothing');
  });

  about('receipts come the newest first, from a time on', async ({ store }) => {
    const keys = Array.from({ length: 4 }, freshKey).map((key, _, [first]) => ({ ...key, agent: first?.agent ?? key.agent }));
    const [a, b, c, d] = keys;
    assert.ok(a && b && c && d);
    for (const [key, endedAt] of [
      [b, 2000],
      [d, 4000],
      [a, 1000],
      [c, 3000],
    ] as const)
      await end(store, key, { phase: 'done', result: { outcome: 'done', endedAt } }, 60_000);
    assert.deepEqual(await ids(store, a), [d.event, c.event, b.event, a.event]);
    assert.deepEqual(await ids(store, a, 3000), [d.event, c.event]);
    assert.deepEqual(await ids(store, a, 4001), []);
  });

  about('a receipt is forgotten with its record, those of others are not', async ({ store, pass }) => {
    const [brief, lasting] = [freshKey(), freshKey()];
    const kept = { ...lasting, agent: brief.agent };
    await end(store, kept, { phase: 'dead', result: { outcome: 'dead', reason: 'Refused', endedAt: 1 } });
    await end(store, brief, { phase: 'done', result: { outcome: 'done', endedAt: 2 } }, 2_000);
    assert.deepEqual(await ids(store, brief), [brief.event, kept.event]);
    await pass(2_200);
    assert.deepEqual(await ids(store, brief), [kept.event]);
  });

  about('an event that is run again has no receipt until it has ended again, and then one', async ({ store }) => {
    const key = freshKey();
    await end(store, key, { phase: 'dead', result: { outcome: 'dead', reason: 'Refused', endedAt: 1000 } });
    await store.replace(key, 2, { record: record({ gen: 1, event: { id: key.event, type: 't' } }), leaseMs: 1000 });
    assert.deepEqual(await ids(store, key), []);
    await store.update(key, 'a', {
      record: record({ gen: 1, phase: 'done', event: { id: key.event, type: 't' }, result: { outcome: 'done', endedAt: 2000 } }),
      leaseMs: 0,
      number: 1,
    });
    const receipts = await store.receipts(key.agent, 2000);
    assert.deepEqual(
      receipts.map(({ outcome, redrives }) => [outcome, redrives]),
      [['done', 1]],
    );
  });

  about(
    'a record is let go of in the version that was seen, with its receipt, and is kept where it is written before',
    async ({ store, other, pass }) => {
      const [gone, kept] = [freshKey(), freshKey()];
      for (const key of [gone, kept]) await end(store, key, { phase: 'dead', result: { outcome: 'dead', reason: 'Refused', endedAt: 1 } });
      assert.deepEqual(await other.expire(gone, 1, 1), { expires: false });
      assert.deepEqual(await other.expire(gone, 2, 2000), { expires: true });
      assert.deepEqual(await other.expire(gone, 2, 2000), { expires: true });
      assert.deepEqual(await other.expire(kept, 2, 2000), { expires: true });
      assert.deepEqual(await ids(store, gone), [gone.event]);
      assert.ok((await store.replace(kept, 2, { record: record({ fence: 'b', gen: 1 }), leaseMs: 0 })).written);
      await pass(2500);
      assert.deepEqual([(await store.read(gone)).stored, await ids(store, gone)], [undefined, []]);
      assert.equal((await store.read(kept)).stored?.record.gen, 1);
      assert.deepEqual(await other.expire(gone, 2, 2000), { expires: false });
    },
  );

  about("a lease is one client's, until it is over", async ({ store, other, pass }) => {
    const { agent } = freshKey();
    const taken = await Promise.all([store.lease(agent, 'x', 2_000), other.lease(agent, 'x', 2_000)]);
    assert.deepEqual(taken.map((lease) => lease.taken).toSorted(), [false, true]);
    assert.deepEqual(await Promise.all([store.lease(agent, 'y', 2_000), store.lease(freshKey().agent, 'x', 2_000)]), [
      { taken: true },
      { taken: true },
    ]);
    await pass(2_200);
    assert.deepEqual(await other.lease(agent, 'x', 50), { taken: true });
  });

  about('the memory of an agent has one name for all who ask, and says that it evicts nothing', async ({ store, other }) => {
    const { agent } = freshKey();
    const [first, second] = await Promise.all([store.inspect(agent), other.inspect(agent)]);
    assert.ok(first.epoch !== '' && first.epoch === second.epoch);
    assert.deepEqual([first.eviction, first.acknowledged], ['none', false]);
    assert.notEqual((await store.inspect(freshKey().agent)).epoch, first.epoch);
  });

  about('what was lost is acknowledged for one agent, and only where somebody has asked for it', async ({ store, other }) => {
    const { agent } = freshKey();
    assert.deepEqual(await other.acknowledge(agent), { acknowledged: false, lost: false });
    await store.inspect(agent);
    assert.deepEqual(await other.acknowledge(agent), { acknowledged: true, lost: false });
    await store.inspect(agent, 'another');
    assert.deepEqual(await other.acknowledge(agent), { acknowledged: true, lost: true });
    assert.equal((await store.inspect(agent)).acknowledged, true);
    const another = freshKey().agent;
    assert.equal((await store.inspect(another)).acknowledged, false);
  });

  about('a memory that somebody who knew another has asked for is lost for all who ask', async ({ store, other }) => {
    const { agent } = freshKey();
    const { epoch, lost } = await store.inspect(agent);
    assert.equal(lost, false);
    assert.equal((await other.inspect(agent, epoch)).lost, false);
    assert.equal((await other.inspect(agent, 'another')).lost, true);
    assert.deepEqual(
      [await store.inspect(agent), await store.inspect(agent, epoch)].map((state) => state.lost),
      [true, true],
    );
    assert.equal((await store.inspect(freshKey().agent)).lost, false);
  });

  about('no event is taken in a memory that is another one than was thought', async ({ store, other }) => {
    const key = freshKey();
    const write = { record: record(), leaseMs: 1000 };
    const lost = (error: unknown) => error instanceof StoreError && error.code === 'Lost';
    await assert.rejects(store.replace(key, 0, write, 'an epoch that there was'), lost);
    const { epoch } = await other.inspect(key.agent);
    await assert.rejects(store.replace(key, 0, write, 'an epoch that there was'), lost);
    assert.equal((await other.read(key)).stored, undefined);
    assert.ok((await store.replace(key, 0, write, epoch)).written);
  });

  about('a schedule has no last tick before its first', async ({ store }) => {
    assert.equal(await store.lastTick(freshKey().agent, 'uid-1'), undefined);
  });

  about('the last tick is kept by agent and schedule, and read back by everybody', async ({ store, other }) => {
    const { agent } = freshKey();
    const tick = { eventId: 'uid-1-29700000', expiresAt: (await store.read(freshKey())).now + 60_000 };
    assert.deepEqual(await store.replaceLastTick(agent, 'uid-1', undefined, tick), { written: true });
    assert.deepEqual(await other.lastTick(agent, 'uid-1'), tick);
    assert.equal(await other.lastTick(agent, 'uid-2'), undefined);
    assert.equal(await other.lastTick(freshKey().agent, 'uid-1'), undefined);
  });

  about('of two ticks that come after the same one, one is the next', async ({ store, other }) => {
    const { agent } = freshKey();
    const expiresAt = (await store.read(freshKey())).now + 60_000;
    await store.replaceLastTick(agent, 's', undefined, { eventId: 'first', expiresAt });
    const results = await Promise.all(
      [store, other].map((client, index) => client.replaceLastTick(agent, 's', 'first', { eventId: `second-${index}`, expiresAt })),
    );
    const winner = results.findIndex(({ written }) => written);
    assert.deepEqual(
      results.map(({ written }) => written),
      [winner === 0, winner === 1],
    );
    assert.equal((await store.lastTick(agent, 's'))?.eventId, `second-${winner}`);
    assert.deepEqual(await store.replaceLastTick(agent, 's', undefined, { eventId: 'third', expiresAt }), { written: false });
  });

  about('a last tick may be written again after its answer was lost', async ({ store }) => {
    const { agent } = freshKey();
    const tick = { eventId: 'a', expiresAt: (await store.read(freshKey())).now + 60_000 };
    assert.deepEqual(await store.replaceLastTick(agent, 's', undefined, tick), { written: true });
    assert.deepEqual(await store.replaceLastTick(agent, 's', undefined, tick), { written: true });
    assert.deepEqual(await store.lastTick(agent, 's'), tick);
  });

  about('pauses can be the first thing that is asked', async ({ store }) => {
    assert.deepEqual(await store.pausesSince(freshKey().agent, 0), []);
  });

  about('a pause that no event can have lived through is forgotten', async ({ store }) => {
    const { agent } = freshKey();
    const { now } = await store.read(freshKey());
    const recent = { from: now - 2000, until: now - 1000 };
    await store.addPause(agent, { from: now - PAUSE_RETENTION_MS - 2000, until: now - PAUSE_RETENTION_MS - 1000 }, 'a');
    await store.addPause(agent, recent, 'a');
    assert.deepEqual(await store.pausesSince(agent, 0), [recent]);
  });

  about('a pause that goes on is one pause, whose end is moved along; another process has its own', async ({ store, other }) => {
    const { agent } = freshKey();
    const { now } = await store.read(freshKey());
    for (const until of [now + 1000, now + 61_000, now + 31_000]) await store.addPause(agent, { from: now, until }, 'a');
    assert.deepEqual(await other.pausesSince(agent, now + 50_000), [{ from: now, until: now + 61_000 }]);
    await other.addPause(agent, { from: now, until: now + 1000 }, 'b');
    assert.deepEqual(
      (await store.pausesSince(agent, now)).map(({ until }) => until - now).toSorted((a, b) => a - b),
      [1000, 61_000],
    );
  });

  about('pauses are kept by agent, and those that ended before are not asked for', async ({ store, other }) => {
    const { agent } = freshKey();
    const now = (await store.read(freshKey())).now;
    const [early, late] = [
      { from: now - 5000, until: now - 4000 },
      { from: now - 1000, until: now + 9000 },
    ];
    await store.addPause(agent, early, 'a');
    await other.addPause(agent, late, 'a');
    await store.addPause(freshKey().agent, { from: now - 1, until: now + 1 }, 'a');
    assert.deepEqual(await other.pausesSince(agent, now - 2000), [late]);
    const all = await other.pausesSince(agent, now - 10_000);
    assert.deepEqual(
      [...all].sort((a, b) => a.from - b.from),
      [early, late],
    );
  });
}
