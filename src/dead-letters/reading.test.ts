import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type DeadLetterStage, deadLetterStage, REVIEWER, reviewerNames } from '../../test/support/dead-letter-stage.ts';
import { never } from '../../test/support/embedded-table.ts';
import { brokerNames } from '../api/names.ts';
import { DeadLetterError, DeadLetterReading } from './reading.ts';

const open = ({ connection, clock, finish }: DeadLetterStage, names = reviewerNames) =>
  finish(DeadLetterReading.open({ connection, names, clock, connect: () => never }));

const idsOf = async (reading: DeadLetterReading, limit = reading.depth) => {
  const ids: (string | undefined)[] = [];
  for await (const { delivery } of reading.messages(limit)) ids.push(delivery.messageId);
  return ids;
};

const letters = (count: number) => Array.from({ length: count }, (_, index) => ({ id: String(index) }));

suite('a look at dead letters', () => {
  test('sees each once, in order, over several pages, and leaves all of them', async () => {
    const stage = await deadLetterStage();
    const { finish, ready } = stage;
    await stage.bury(...letters(250));
    const before = ready(reviewerNames.dead);
    for (const _look of [1, 2]) {
      const reading = await open(stage);
      assert.equal(reading.depth, 250);
      assert.deepEqual(await finish(idsOf(reading)), before);
      assert.deepEqual(ready(reviewerNames.dead), [], 'they are held meanwhile');
      await finish(reading.close());
      assert.deepEqual(ready(reviewerNames.dead), before);
    }
  });

  test('takes no page ahead of whoever looks', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(250));
    const reading = await open(stage);
    const messages = reading.messages(250);
    await stage.finish(messages.next());
    assert.equal(stage.ready(reviewerNames.dead).length, 150);
    await stage.finish(reading.close());
  });

  test('ends with what was there at the start', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(3));
    const reading = await open(stage);
    await stage.bury({ id: 'late' });
    assert.deepEqual(await stage.finish(idsOf(reading)), ['0', '1', '2']);
    assert.deepEqual(await stage.finish(idsOf(reading, 0)), []);
    await stage.finish(reading.close());
    assert.deepEqual(stage.ready(reviewerNames.dead), ['0', '1', '2', 'late']);
  });

  test('ends without what somebody else has taken since it was counted', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(5));
    const [first, second] = [await open(stage), await open(stage)];
    assert.deepEqual([first.depth, second.depth], [5, 5]);
    assert.deepEqual(await stage.finish(idsOf(first, 2)), ['0', '1']);
    assert.deepEqual(await stage.finish(idsOf(second)), [], 'the whole page is held by the first');
    await stage.finish(first.close());
    const third = await open(stage);
    assert.deepEqual(await stage.finish(idsOf(third)), ['0', '1', '2', '3', '4']);
    await stage.finish(third.close());
    await stage.finish(second.close());
  });

  test('takes out what is acknowledged, and nothing else', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(4));
    const reading = await open(stage);
    const look = async () => {
      for await (const found of reading.messages(4)) if (found.delivery.messageId === '2') found.acknowledge();
    };
    await stage.finish(look());
    await stage.finish(reading.close());
    assert.deepEqual(stage.ready(reviewerNames.dead), ['0', '1', '3']);
  });

  test('is refused where there is no such queue', async () => {
    const stage = await deadLetterStage();
    await assert.rejects(open(stage, brokerNames({ ...REVIEWER, name: 'nobody' })), (error) => {
      assert.ok(error instanceof DeadLetterError && error.code === 'NoQueue');
      return /there is no queue ea\.test\.nobody\.dead/.test(error.message);
    });
  });

  test('says so where the connection is lost in the middle', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(150));
    const reading = await open(stage);
    const look = async () => {
      for await (const { delivery } of reading.messages(150)) if (delivery.messageId === '99') stage.broker.dropConnections();
    };
    await assert.rejects(stage.finish(look()), { name: 'BrokerError', code: 'ChannelClosed' });
    await stage.finish(reading.close());
    await stage.clock.advance(60_000);
    assert.equal(stage.ready(reviewerNames.dead).length, 150);
  });

  test('says so where the connection is lost while it waits', async () => {
    const stage = await deadLetterStage();
    await stage.bury(...letters(5));
    const [first, second] = [await open(stage), await open(stage)];
    await stage.finish(idsOf(first));
    const waiting = assert.rejects(idsOf(second), { name: 'BrokerError', code: 'ChannelClosed' });
    await stage.clock.advance(1000);
    stage.broker.dropConnections();
    await stage.finish(waiting);
  });
});
