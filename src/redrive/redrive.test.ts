import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type BuriedLetter,
  buriedMessage,
  type DeadLetterStage,
  deadLetterStage,
  deadRecord,
  keyOf,
  REVIEWER,
  reviewerNames,
} from '../../test/support/dead-letter-stage.ts';
import { never } from '../../test/support/embedded-table.ts';
import type { RedriveCounts } from '../api/redrive-progress.ts';
import { type BrokerConnection, BrokerError, type Channel } from '../broker/port.ts';
import { RecordError, StoreError } from '../store/port.ts';
import { type RedrivePorts, type RedriveRequest, redrive } from './redrive.ts';
import { RedriveError } from './redrive-error.ts';

const { dead, work, exchange } = reviewerNames;
const letters = (count: number): readonly BuriedLetter[] => Array.from({ length: count }, (_, index) => ({ id: String(index) }));

/** Redrives on a stage; `change` deviates from all dead letters at once. */
function run(stage: DeadLetterStage, change: Partial<RedriveRequest> = {}, ports: Partial<RedrivePorts> = {}) {
  const { connection, store, clock } = stage;
  const request = { agent: REVIEWER, names: reviewerNames, isMeant: () => true, dryRun: false, intervalMs: 0, ...change };
  return redrive(request, { connection, store, clock, connect: () => never, onProgress: () => {}, ...ports });
}

const counts = (change: Partial<RedriveCounts>) => ({ depth: 0, redriven: 0, superseded: 0, copies: 0, withOpenIntents: 0, ...change });

/** Headers of what lies in the work queue, by event. */
const published = ({ broker }: DeadLetterStage) => Object.fromEntries(broker.messages(work).map((message) => [message.messageId, message]));

suite('a redrive', () => {
  test('moves each dead letter to the work queue as the next generation of its event, in order', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(120));
    await stage.bury({ id: 'again', progress: { gen: 2, attempt: 4, tick: true } });
    assert.deepEqual(await stage.finish(run(stage)), counts({ depth: 121, redriven: 121 }));
    assert.deepEqual(stage.broker.messages(dead), []);
    assert.deepEqual(stage.ready(work), [...letters(120).map(({ id }) => id), 'again']);
    const { again } = published(stage);
    assert.deepEqual(again?.headers, {
      'ce-specversion': '1.0',
      'ce-id': 'again',
      'ce-source': '/tests',
      'ce-type': 'test',
      'ce-hop': 0,
      'ea-gen': 3,
      'ea-key': keyOf({ id: 'again' }),
      'ea-tick': true,
    });
    assert.deepEqual([again?.exchange, again?.routingKey, again?.body.toString()], [exchange, 'work', '{"n": 1}']);
    assert.equal(again?.timestamp, Math.floor(stage.clock.now() / 1000), 'it is published anew');
  });

  test('leaves what is not meant in its place', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(6));
    const isMeant: RedriveRequest['isMeant'] = ({ envelope }) => Number(envelope.attributes.id) % 2 === 1;
    assert.deepEqual(await stage.finish(run(stage, { isMeant })), counts({ depth: 6, redriven: 3 }));
    assert.deepEqual(
      [stage.ready(work), stage.ready(dead)],
      [
        ['1', '3', '5'],
        ['0', '2', '4'],
      ],
    );
  });

  test('takes copies and superseded dead letters away without publishing them', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: 'a' }, { id: 'b' }, { id: 'a' }, { id: 'c' }, { id: 'c' });
    await stage.record('a', deadRecord());
    await stage.record('b', deadRecord({ gen: 1, phase: 'running' }));
    await stage.record('c', deadRecord({ phase: 'done' }));
    assert.deepEqual(await stage.finish(run(stage)), counts({ depth: 5, redriven: 1, superseded: 2, copies: 2 }));
    assert.deepEqual([stage.ready(work), stage.broker.messages(dead)], [['a'], []]);
  });

  test('does not take two events for one that merely have the same id, and carry no key', async () => {
    const stage = await deadLetterStage();
    const channel = await stage.finish(stage.connection.openChannel({ prefetch: 1 }, never));
    for (const body of ['1', '2']) {
      const { 'ea-key': _, ...headers } = buriedMessage({ id: 'same' }).headers;
      await stage.finish(channel.publish({ exchange, routingKey: 'dead', messageId: 'same', headers, body: Buffer.from(body) }));
    }
    assert.deepEqual(await stage.finish(run(stage)), counts({ depth: 2, redriven: 2 }));
    assert.deepEqual(
      stage.broker.messages(work).map(({ body }) => body.toString()),
      ['1', '2'],
    );
  });

  test('that only looks changes nothing, and tells whose outputs would be sent again', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: 'a' }, { id: 'b' }, { id: 'a' }, { id: 'c' });
    const request = { method: 'POST', url: 'http://sink/', headers: {}, body: '' };
    await stage.record('a', deadRecord({ outputs: { one: { request, state: 'intent' }, two: { request, state: 'intent' } } }));
    await stage.record('c', deadRecord({ phase: 'done' }));
    const want = counts({ depth: 4, redriven: 2, superseded: 1, copies: 1, withOpenIntents: 1 });
    assert.deepEqual(await stage.finish(run(stage, { dryRun: true, intervalMs: 60_000 })), want);
    assert.deepEqual([stage.ready(dead), stage.broker.messages(work)], [['a', 'b', 'a', 'c'], []]);
  });

  test('stops at its limit', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(5));
    assert.deepEqual(await stage.finish(run(stage, { limit: 2 })), counts({ depth: 5, redriven: 2 }));
    assert.deepEqual(
      [stage.ready(work), stage.ready(dead)],
      [
        ['0', '1'],
        ['2', '3', '4'],
      ],
    );
  });

  test('keeps its pace, and holds nothing longer than the broker lets it', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: 'left' }, ...letters(60), { id: 'left too' });
    const times: number[] = [];
    let held = 0;
    const isMeant: RedriveRequest['isMeant'] = ({ envelope: { attributes } }) => {
      if (attributes.id === 'left') held += 1;
      return !attributes.id?.startsWith('left');
    };
    const onProgress: RedrivePorts['onProgress'] = ({ redriven }) => {
      times[redriven] ??= stage.clock.now();
    };
    const startedAt = stage.clock.now();
    assert.deepEqual(await stage.finish(run(stage, { intervalMs: 60_000, isMeant }, { onProgress })), counts({ depth: 62, redriven: 60 }));
    for (let index = 2; index <= 60; index += 1)
      assert.ok(Math.abs((times[index] ?? 0) - (times[index - 1] ?? 0) - 60_000) < 1000, `event ${index} came after its minute`);
    assert.ok(stage.clock.now() - startedAt < 61 * 60_000);
    assert.ok(held >= 4, 'what is not meant went back every quarter of an hour, and was looked at again');
    assert.deepEqual([stage.ready(work), stage.ready(dead)], [letters(60).map(({ id }) => id), ['left', 'left too']]);
  });

  test('leaves what dies again meanwhile for the next time', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(40));
    const runner = await stage.finish(stage.connection.openChannel({ prefetch: 1 }, never));
    let diedAgain = 0;
    await stage.finish(
      runner.consume(work, (delivery) => {
        diedAgain += 1;
        const id = delivery.messageId ?? '';
        void runner
          .publish({ ...buriedMessage({ id, progress: { gen: 1 } }), exchange, routingKey: 'dead' })
          .then(() => runner.ack(delivery));
      }),
    );
    assert.deepEqual(await stage.finish(run(stage, { intervalMs: 60_000 })), counts({ depth: 40, redriven: 40 }));
    await stage.clock.advance(60_000);
    assert.equal(diedAgain, 40);
    assert.equal(stage.ready(dead).length, 40);
  });

  test('stops without losing anything where the work queue takes no more', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(3));
    const { connection } = stage;
    await assert.rejects(stage.finish(run(stage, {}, { connection: publishingBy(connection, async () => 'refused') })), (error) => {
      assert.ok(error instanceof RedriveError && error.code === 'PublishRefused');
      return /ea\.test\.reviewer takes no more/.test(error.message);
    });
    assert.deepEqual([stage.ready(work), stage.ready(dead)], [[], ['0', '1', '2']]);
  });

  test('stops without losing anything where the work queue is gone', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(3));
    stage.broker.deleteQueue(work);
    await assert.rejects(stage.finish(run(stage)), {
      name: 'RedriveError',
      code: 'PublishRefused',
      message: /there is no queue ea\.test\.reviewer:/,
    });
    assert.deepEqual(stage.ready(dead), ['0', '1', '2']);
  });

  test('gives up a publish that nobody answers', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: '0' });
    const startedAt = stage.clock.now();
    const silent = publishingBy(stage.connection, (_publish, channel) => {
      const { promise, reject } = Promise.withResolvers<never>();
      channel.ended.addEventListener('abort', () => reject(new BrokerError('ChannelClosed', 'the channel was closed')), { once: true });
      return promise;
    });
    await assert.rejects(stage.finish(run(stage, {}, { connection: silent })), { name: 'RedriveError', code: 'PublishUnknown' });
    assert.ok(stage.clock.now() - startedAt < 60_000);
    await stage.clock.advance(60_000);
    assert.deepEqual(stage.ready(dead), ['0']);
  });

  test('stops without losing anything where the store does not answer', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(2));
    const store = { read: () => Promise.reject(new StoreError('Unreachable', 'the store does not answer')) };
    await assert.rejects(stage.finish(run(stage, {}, { store })), { name: 'StoreError' });
    assert.deepEqual([stage.ready(work), stage.ready(dead)], [[], ['0', '1']]);
  });

  test('leaves what has a record that cannot be read, says so, and runs all others', async () => {
    const stage = await deadLetterStage();
    const bad = { id: `b\u202e${'a'.repeat(100)}` };
    await stage.bury({ id: '0' }, bad, { ...bad, progress: { gen: 1 } }, { id: '1' });
    const store: RedrivePorts['store'] = {
      read: (key) => (key.event === keyOf(bad) ? Promise.reject(new RecordError('Unreadable', 'it is no record')) : stage.store.read(key)),
    };
    const told = `b\\u202e${'a'.repeat(57)}`;
    const left = counts({ depth: 4, redriven: 2, unreadable: { events: 1, examples: [told] } });
    assert.deepEqual(await stage.finish(run(stage, { dryRun: true }, { store })), left);
    for (const redriven of [2, 0]) {
      let last: RedriveCounts | undefined;
      const onProgress: RedrivePorts['onProgress'] = (now) => {
        last = now;
      };
      await assert.rejects(stage.finish(run(stage, {}, { store, onProgress })), (error) => {
        assert.ok(error instanceof RedriveError && error.code === 'RecordsUnreadable');
        return error.message.startsWith(`the record of event "${told}" cannot be read; such dead letters stay`);
      });
      assert.deepEqual(last, { ...left, depth: redriven + 2, redriven });
      assert.deepEqual(
        [stage.ready(work), stage.ready(dead)],
        [
          ['0', '1'],
          [bad.id, bad.id],
        ],
      );
    }
  });

  test('cut off at any call leaves each event in one of the queues, and the next one moves the rest', async () => {
    for (let calls = 1; ; calls += 1) {
      const stage = await deadLetterStage();
      await stage.bury(...letters(4));
      let left = calls;
      const cutting = publishingBy(stage.connection, async (publish) => {
        left -= 1;
        if (left === 0) stage.broker.dropConnections();
        const outcome = await publish();
        left -= 1;
        if (left === 0) stage.broker.dropConnections();
        return outcome;
      });
      const first = await stage.finish(
        run(stage, {}, { connection: cutting }).then(
          () => 'ended',
          () => 'cut',
        ),
      );
      await stage.clock.advance(60_000);
      const places = [...stage.ready(work), ...stage.ready(dead)];
      for (const { id } of letters(4)) assert.ok(places.includes(id), `event ${id} is lost after ${calls} calls`);
      await stage.finish(run(stage));
      assert.deepEqual(stage.broker.messages(dead), []);
      assert.deepEqual(new Set(stage.ready(work)), new Set(['0', '1', '2', '3']));
      const generations = stage.broker.messages(work).map(({ headers }) => headers['ea-gen']);
      assert.deepEqual(new Set(generations), new Set([1]), 'a second copy is the same copy');
      if (first === 'ended') return;
    }
  });
});

/** A connection whose channels publish by `how`. */
function publishingBy(
  connection: BrokerConnection,
  how: (publish: () => ReturnType<Channel['publish']>, channel: Channel) => ReturnType<Channel['publish']>,
): BrokerConnection {
  return {
    state: () => connection.state(),
    close: () => connection.close(),
    openChannel: async (options, signal) => {
      const channel = await connection.openChannel(options, signal);
      return new Proxy(channel, {
        get: (target, name) => {
          if (name === 'publish')
            return (publication: Parameters<Channel['publish']>[0]) => how(() => target.publish(publication), channel);
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}
