import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  buriedMessage,
  type DeadLetterStage,
  deadLetterStage,
  deadRecord,
  keyOf,
  REVIEWER,
  reviewerNames,
} from '../../test/support/dead-letter-stage.ts';
import { never } from '../../test/support/embedded-table.ts';
import type { RecordResult } from '../api/record.ts';
import { type RedriveCounts, type RedriveEnds, redriveText } from '../api/redrive-progress.ts';
import type { BrokerConnection } from '../broker/port.ts';
import { RecordError } from '../store/port.ts';
import { type Journal, storedJournal } from './journal.ts';
import { type RedrivePorts, type RedriveRequest, redrive } from './redrive.ts';

const { dead, exchange, work } = reviewerNames;
const letters = (count: number) => Array.from({ length: count }, (_, index) => ({ id: String(index) }));
const FOLLOW = { stopAtFailurePercent: 50, timeoutMs: 600_000 };

function run(stage: DeadLetterStage, change: Partial<RedriveRequest> = {}, ports: Partial<RedrivePorts> = {}) {
  const { connection, store, clock } = stage;
  const request = { agent: REVIEWER, names: reviewerNames, isMeant: () => true, dryRun: false, intervalMs: 0, follow: FOLLOW, ...change };
  return redrive(request, { connection, store, clock, connect: () => never, onProgress: () => {}, ...ports });
}

/** Stands in for the agent: takes what is redriven, and after a while has it end by `endOf` its number; `undefined`: never. Gives ids in the order in which they came. */
async function agentOn(stage: DeadLetterStage, endOf: (id: number) => RecordResult['outcome'] | undefined): Promise<readonly string[]> {
  const { connection, clock, store, finish } = stage;
  const came: string[] = [];
  const channel = await finish(connection.openChannel({ prefetch: 1000 }, never));
  await finish(
    channel.consume(work, (delivery) => {
      const id = delivery.messageId ?? '';
      came.push(id);
      channel.ack(delivery);
      const outcome = endOf(Number(id));
      if (outcome === undefined) return;
      const endedAt = 1;
      const record =
        outcome === 'dead'
          ? deadRecord({ gen: 1, result: { outcome, reason: 'OutputRejected', endedAt } })
          : deadRecord({ gen: 1, phase: 'done', result: { outcome, endedAt } });
      clock.timer(3_000, () => void store.replace({ agent: REVIEWER, event: keyOf({ id }) }, 0, { record, leaseMs: 0 }));
    }),
  );
  return came;
}

const ends = (change: Partial<RedriveEnds>): RedriveEnds => ({ succeeded: 0, discarded: 0, deadAgain: 0, underWay: 0, ...change });

suite('a redrive that looks after what it redrives', () => {
  test('ends when all have ended, and says how', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(6));
    await agentOn(stage, (id) => (['done', 'filtered', 'stale', 'dead', 'done', 'done'] as const)[id]);
    const { redriven, ends: seen } = await stage.finish(run(stage));
    assert.deepEqual([redriven, seen], [6, ends({ succeeded: 3, discarded: 2, deadAgain: 1 })]);
  });

  test('has no more than fifty under way at a time', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(180));
    const came = await agentOn(stage, () => 'done');
    let most = 0;
    const onProgress = (counts: RedriveCounts) => {
      most = Math.max(most, counts.ends?.underWay ?? 0);
    };
    const counts = await stage.finish(run(stage, {}, { onProgress }));
    assert.deepEqual([counts.redriven, counts.ends, most, came.length], [180, ends({ succeeded: 180 }), 50, 180]);
  });

  test('stops when too many die again; the others stay where they are', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(200));
    const came = await agentOn(stage, (id) => (id % 5 === 0 ? 'done' : 'dead'));
    let last: RedriveCounts | undefined;
    const onProgress = (counts: RedriveCounts) => {
      last = counts;
    };
    await assert.rejects(stage.finish(run(stage, {}, { onProgress })), { name: 'RedriveError', code: 'FailureRateHigh' });
    await stage.clock.advance(1000);
    assert.equal(came.length, 50);
    assert.equal(stage.ready(dead).length, 150);
    assert.deepEqual(last?.ends, ends({ succeeded: 10, deadAgain: 40 }));
  });

  test('goes on where fewer die again', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(100));
    await agentOn(stage, (id) => (id % 3 === 0 ? 'dead' : 'done'));
    assert.deepEqual((await stage.finish(run(stage))).ends, ends({ succeeded: 66, deadAgain: 34 }));
  });

  test('stops where none ends for too long and no more may be under way; waits no longer for the last ones', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(60));
    await agentOn(stage, () => undefined);
    await assert.rejects(stage.finish(run(stage)), { name: 'RedriveError', code: 'NoProgress', message: /50 .* for 600 s:/ });
    assert.equal((await stage.finish(run(stage))).ends?.underWay, 10);
  });

  test('has under way what has a record that cannot be read any more, and follows the others to their ends', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(3));
    const came = await agentOn(stage, () => 'done');
    const store: RedrivePorts['store'] = {
      read: (key) =>
        came.includes('1') && key.event === keyOf({ id: '1' })
          ? Promise.reject(new RecordError('Unreadable', 'it is no record'))
          : stage.store.read(key),
    };
    const counts = await stage.finish(run(stage, {}, { store }));
    assert.deepEqual([counts.redriven, counts.ends], [3, ends({ succeeded: 2, underWay: 1 })]);
  });

  test('says how many it cannot follow, since their letters have no key', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: '0' });
    const { 'ce-id': _id, 'ea-key': _key, ...headers } = buriedMessage({ id: '' }).headers;
    const channel = await stage.finish(stage.connection.openChannel({ prefetch: 1 }, never));
    for (let nameless = 0; nameless < 2; nameless += 1)
      await stage.finish(channel.publish({ body: Buffer.from('{}'), headers, exchange, routingKey: 'dead' }));
    await agentOn(stage, () => 'done');
    const counts = await stage.finish(run(stage));
    assert.deepEqual([counts.redriven, counts.ends], [3, ends({ succeeded: 1, notFollowed: 2 })]);
    assert.match(redriveText(counts, false), /under way 0, not followed 2 \(/);
  });

  test('gives back what it holds while it waits for longer than a dead letter may be held', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(51));
    let open = false;
    await agentOn(stage, (id) => (id < 50 && !open ? undefined : 'done'));
    const running = run(stage, { follow: { ...FOLLOW, timeoutMs: 7_200_000 } });
    await stage.clock.advance(20 * 60_000);
    open = true;
    for (const { id } of letters(50))
      await stage.finish(
        stage.store.replace({ agent: REVIEWER, event: keyOf({ id }) }, 0, { record: deadRecord({ gen: 1, phase: 'done' }), leaseMs: 0 }),
      );
    const counts = await stage.finish(running);
    assert.deepEqual([counts.redriven, counts.copies, counts.ends], [51, 0, ends({ succeeded: 51 })]);
  });

  test('is told to stop: nothing further is published', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(10));
    const stop = new AbortController();
    const onProgress = ({ redriven }: RedriveCounts) => {
      if (redriven === 4) stop.abort(new Error('stop'));
    };
    await assert.rejects(stage.finish(run(stage, {}, { stop: stop.signal, onProgress })), /stop/);
    assert.equal(stage.broker.messages(work).length, 4);
  });
});

suite('a redrive with a journal', () => {
  const journalOn = ({ store }: DeadLetterStage) => storedJournal(store, REVIEWER, 'r1');

  /** Ends the process before or after each write of the journal, each publish and each acknowledgement: the n-th of these steps. */
  async function interrupted(stage: DeadLetterStage, steps: number, change: Partial<RedriveRequest>): Promise<'cut' | 'ended'> {
    let left = steps;
    const step = () => {
      left -= 1;
      if (left === 0) stage.broker.dropConnections();
      if (left <= 0) throw new Error('the process ended');
    };
    const inner = journalOn(stage);
    const journal: Journal = {
      read: () => inner.read(),
      async write(state) {
        step();
        await inner.write(state);
        step();
      },
    };
    const running = run(stage, change, { journal, onProgress: step });
    return stage.finish(
      running.then(
        () => 'ended' as const,
        () => 'cut' as const,
      ),
    );
  }

  test('that is interrupted anywhere is gone on with: nothing is lost, and never more than its limit is redriven', async () => {
    for (let steps = 1; ; steps += 1) {
      const stage = await deadLetterStage();
      await stage.bury(...letters(6));
      const change = { limit: 4, follow: { ...FOLLOW, timeoutMs: 0 } };
      const first = await interrupted(stage, steps, change);
      await stage.clock.advance(60_000);
      const counts = await stage.finish(run(stage, change, { journal: journalOn(stage) }));
      const published = new Set(stage.ready(work));
      const places = [...published, ...stage.ready(dead)];
      for (const { id } of letters(6)) assert.ok(places.includes(id), `event ${id} is lost, interrupted at step ${steps}`);
      assert.deepEqual([...published], ['0', '1', '2', '3'], `interrupted at step ${steps}`);
      assert.deepEqual([counts.depth, counts.redriven], [6, 4], `interrupted at step ${steps}`);
      assert.deepEqual(stage.ready(dead), ['4', '5']);
      if (first === 'ended') return assert.ok(steps > 10);
    }
  });

  test('looks after what the process before had published', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(3));
    const stop = new AbortController();
    const running = run(stage, {}, { journal: journalOn(stage), stop: stop.signal });
    await stage.clock.advance(2_000);
    stop.abort(new Error('stop'));
    await assert.rejects(stage.finish(running), /stop/);
    await agentOn(stage, () => 'done');
    const counts = await stage.finish(run(stage, {}, { journal: journalOn(stage) }));
    assert.deepEqual([counts.redriven, counts.ends], [3, ends({ succeeded: 3 })]);
  });

  test('is gone on with also where the record of what was counted last cannot be read', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(3));
    // Published, and not acknowledged.
    assert.equal(await interrupted(stage, 3, {}), 'cut');
    await stage.clock.advance(60_000);
    const { last } = (await stage.finish(journalOn(stage).read())) ?? {};
    assert.equal(last, `0/${keyOf({ id: '0' })}`);
    const store: RedrivePorts['store'] = {
      read: (key) =>
        key.event === keyOf({ id: '0' }) ? Promise.reject(new RecordError('Unreadable', 'it is no record')) : stage.store.read(key),
    };
    await assert.rejects(stage.finish(run(stage, { follow: { ...FOLLOW, timeoutMs: 0 } }, { journal: journalOn(stage), store })), {
      code: 'RecordsUnreadable',
    });
    assert.deepEqual([stage.ready(work), stage.ready(dead)], [['0', '1', '2'], ['0']]);
  });

  test('that another process goes on with is left to that, which waits for what the first had in hand', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(3));
    const first = run(stage, { intervalMs: 30_000 }, { journal: journalOn(stage) });
    await stage.clock.advance(1_000);
    const second = run(stage, { limit: 3, follow: { ...FOLLOW, timeoutMs: 0 } }, { journal: journalOn(stage) });
    await assert.rejects(stage.finish(first), { name: 'JournalError', code: 'Taken' });
    const { redriven, superseded } = await stage.finish(second);
    assert.deepEqual([redriven, superseded], [3, 0]);
    assert.deepEqual([stage.ready(work), stage.ready(dead)], [['0', '1', '2'], []]);
  });
});

suite('a redrive that goes on while the broker still holds letters for the process before', () => {
  /** Begins a redrive whose process vanishes with its host at the n-th publish: its letters stay in its hands for a while. */
  async function vanished(stage: DeadLetterStage, publishes: number, change: Partial<RedriveRequest>): Promise<() => void> {
    const connection = stage.broker.connect();
    let left = publishes;
    const gone: BrokerConnection = {
      state: () => connection.state(),
      close: async () => {},
      openChannel: async (options, signal) => {
        const channel = await connection.openChannel(options, signal);
        return new Proxy(channel, {
          get: (target, name) => {
            if (name === 'publish' && --left <= 0) return () => new Promise(() => {});
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      },
    };
    void run(stage, change, { connection: gone, journal: storedJournal(stage.store, REVIEWER, 'r1') }).catch(() => {});
    await stage.clock.advance(2_000);
    return () => void connection.close();
  }
  const goesOn = (stage: DeadLetterStage, change: Partial<RedriveRequest>) =>
    run(stage, change, { journal: storedJournal(stage.store, REVIEWER, 'r1') });
  const change = { follow: { ...FOLLOW, timeoutMs: 0 } };

  test('waits for them, and leaves what has died since', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(4));
    const release = await vanished(stage, 3, change);
    await stage.bury({ id: 'new', at: stage.clock.now(), progress: { gen: 1 } }, { id: 'newer', at: stage.clock.now() });
    const going = goesOn(stage, change);
    await stage.clock.advance(30_000);
    release();
    const { redriven, superseded } = await stage.finish(going);
    assert.deepEqual([redriven, superseded], [4, 0]);
    assert.deepEqual([new Set(stage.ready(work)), stage.ready(dead)], [new Set(['0', '1', '2', '3']), ['new', 'newer']]);
  });

  test('waits for the one that was counted last, where the limit is reached', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(2));
    const release = await vanished(stage, 2, { ...change, limit: 2 });
    // Somebody has put another old one there.
    await stage.bury({ id: 'old' });
    const going = goesOn(stage, { ...change, limit: 2 });
    await stage.clock.advance(30_000);
    release();
    assert.equal((await stage.finish(going)).redriven, 2);
    assert.deepEqual([new Set(stage.ready(work)), stage.ready(dead)], [new Set(['0', '1']), ['old']]);
  });
});
