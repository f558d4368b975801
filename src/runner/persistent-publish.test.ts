import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { brokerNames } from '../api/names.ts';
import type { Channel, PublishOutcome } from '../broker/port.ts';
import { publishUntilConfirmed } from './persistent-publish.ts';

/** A channel on which every publish ends alike. */
function channelThat(outcome: PublishOutcome): Channel {
  const ended = new AbortController();
  const unused = () => assert.fail('nothing else is asked of it');
  return {
    publish: () => Promise.resolve(outcome),
    close: () => Promise.resolve(ended.abort()),
    ended: ended.signal,
    consume: unused,
    cancel: unused,
    get: unused,
    ready: unused,
    ack: unused,
    nack: unused,
    reject: unused,
  };
}

test('a channel that was refused once is not asked again: RabbitMQ 3.10 goes on refusing it when there is room', async () => {
  const clock = createVirtualClock(0);
  const channels = [channelThat('refused'), channelThat('refused'), channelThat('confirmed')];
  const told: (string | undefined)[] = [];
  const publishing = publishUntilConfirmed(
    {
      names: brokerNames({ namespace: 'test', name: 'agent' }),
      clock,
      claim: undefined,
      publishing: () => Promise.resolve(channels.find(({ ended }) => !ended.aborted) ?? assert.fail('no channel is left')),
      onRefused: (reason) => told.push(reason),
      onStuck: () => {},
      hold: new AbortController().signal,
    },
    { to: 'dead' },
    { body: Buffer.from('{}'), headers: {} },
  );
  await clock.runUntilIdle();
  assert.equal(await publishing, 'confirmed');
  assert.deepEqual(
    channels.map(({ ended }) => ended.aborted),
    [true, true, false],
  );
  assert.deepEqual(told, ['refused', undefined]);
});
