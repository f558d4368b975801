import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type DeadLetterStage, deadLetterStage, REVIEWER, reviewerNames } from '../../test/support/dead-letter-stage.ts';
import { never } from '../../test/support/embedded-table.ts';
import type { TickConfiguration } from '../api/tick-configuration.ts';
import { silentLog } from '../lib/log.ts';
import { type EventReview, reviewFor, reviewPublished } from './review.ts';

const { dead } = reviewerNames;

const configuration: TickConfiguration = {
  schedule: { namespace: REVIEWER.namespace, name: 'weekly', uid: 'uid' },
  cronJob: 'weekly-tick',
  agent: { namespace: REVIEWER.namespace, name: 'summariser' },
  prefix: 'ea',
  cron: '@weekly',
  timeZone: 'Etc/UTC',
  input: {},
  review: { agents: [REVIEWER.name] },
  retentionMs: 1,
};

const patienceOf = ({ clock }: DeadLetterStage) => ({ clock, log: silentLog, signal: never });

function review(stage: DeadLetterStage, eventId: string, agents = [REVIEWER.name]): Promise<EventReview> {
  const { connection, store, clock, finish } = stage;
  return finish(
    reviewFor(configuration, agents, eventId, { connection, store, clock, connect: () => inASecond(stage) }, patienceOf(stage)),
  );
}

/** What a broker has to give us a channel. */
function inASecond({ clock }: DeadLetterStage): AbortSignal {
  const abort = new AbortController();
  clock.timer(1000, () => abort.abort(new Error('too late')));
  return abort.signal;
}

const published = (stage: DeadLetterStage, eventId: string) =>
  stage.finish(reviewPublished(configuration, eventId, stage.store, patienceOf(stage)));

/** Of the one agent: how many there are, and each cause's count with what has come and gone. */
const seen = ({ agents }: EventReview) => [
  agents[0]?.deadLetters,
  agents[0]?.groups.map(({ count, since }) => [count, since?.arrived, since?.gone, since?.trend]),
];

/** Time for what is buried now to be newer than the last report. */
const later = (stage: DeadLetterStage) => stage.clock.now() + 1;

suite('the review of a schedule', () => {
  test('is compared with that of the last event that went out, and takes nothing away', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: '1' }, { id: '2', error: 'another' });
    const first = await review(stage, 'one');
    assert.deepEqual(seen(first), [
      2,
      [
        [1, undefined, undefined, undefined],
        [1, undefined, undefined, undefined],
      ],
    ]);
    assert.equal(first.since, undefined);
    await published(stage, 'one');
    await stage.bury({ id: '3', at: later(stage) }, { id: '4', at: later(stage) });
    await stage.clock.advance(60_000);
    const second = await review(stage, 'two');
    assert.equal(second.since, first.generatedAt);
    assert.deepEqual(seen(second), [
      4,
      [
        [3, 2, 0, 'growing'],
        [1, 0, 0, 'steady'],
      ],
    ]);
    assert.deepEqual(stage.ready(dead), ['1', '2', '3', '4']);
  });

  test('is made once for an event: a tick that is repeated has the same, and is not compared with itself', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: '1' });
    const first = await review(stage, 'one');
    await stage.bury({ id: '2' });
    await stage.clock.advance(60_000);
    assert.deepEqual(await review(stage, 'one'), first);
    await published(stage, 'one');
    await published(stage, 'one');
    assert.deepEqual(await review(stage, 'one'), first);
  });

  test('that nobody has read is none to compare with', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: '1' });
    const first = await review(stage, 'one');
    await published(stage, 'one');
    await stage.clock.advance(60_000);
    await review(stage, 'never published');
    await stage.clock.advance(60_000);
    assert.equal((await review(stage, 'two')).since, first.generatedAt);
  });

  test('leaves out the rarest of many causes, and says how many', async () => {
    const stage = await deadLetterStage();
    for (let cause = 0; cause < 130; cause += 1)
      await stage.bury({ id: `a${cause}`, error: `cause ${'abcdefghijklmnop'[cause % 16]}${'qrstuvwxyz'[Math.floor(cause / 16)]}` });
    const { agents, omittedCauses } = await review(stage, 'one');
    assert.deepEqual([agents[0]?.deadLetters, agents[0]?.groups.length, omittedCauses], [130, 100, 30]);
  });

  test('of an agent without a queue is none: the run fails, and says which field', async () => {
    const stage = await deadLetterStage();
    await assert.rejects(review(stage, 'one', ['nobody']), {
      name: 'Termination',
      message: /spec\.deadLetterReview\.agents: there is no queue ea\.test\.nobody\.dead/,
    });
  });

  test('waits for a broker that is away, for a while', async () => {
    const stage = await deadLetterStage();
    await stage.bury({ id: '1' });
    stage.broker.restart(20_000);
    assert.equal((await review(stage, 'one')).agents[0]?.deadLetters, 1);
    stage.broker.restart(300_000);
    await assert.rejects(review(stage, 'two'), { name: 'Termination', code: 'BrokerUnreachable' });
  });
});
