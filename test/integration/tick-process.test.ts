import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { brokerNames } from '../../src/api/names.ts';
import { tickExitCodes, tickOutcomes } from '../../src/api/tick-outcomes.ts';
import { compileSchedule } from '../../src/compile/schedule.ts';
import type { EventReview } from '../../src/tick/review.ts';
import { eventAgent } from '../support/agent.ts';
import { deadLetterQueue } from '../support/dead-letter-queue.ts';
import { REVIEWER } from '../support/dead-letter-stage.ts';
import { createGate } from '../support/gate.ts';
import { type LoggedProcess, startLogged } from '../support/logged-process.ts';
import { brokerSecret } from '../support/pod-content.ts';
import { type PodContent, type PodFiles, podFiles } from '../support/pod-process.ts';
import { onPodsStage, type PodsStage } from '../support/pods-stage.ts';
import { agentSchedule } from '../support/schedule.ts';

const START = join(import.meta.dirname, '../../src/tick/start.ts');
const MINUTE_MS = 60_000;

/** The tick of a schedule as the controller compiles it; once a day unless `spec` says otherwise. */
function configurationOf(spec: Readonly<Record<string, unknown>> = { every: '24h' }) {
  const schedule = agentSchedule({ agent: 'reviewer', spec: { input: { title: 'the figures' }, ...spec } });
  return compileSchedule(schedule, eventAgent({ name: 'reviewer' }), { uid: 'schedule-uid' });
}

interface TickProcess extends LoggedProcess {
  readonly files: PodFiles;
}

/** The pod of a Job. It goes with its files when it is disposed of. */
function startTick({ vhost, database }: PodsStage, job: string, content: Partial<PodContent> = {}): TickProcess {
  const files = podFiles({
    configuration: configurationOf(),
    broker: brokerSecret(vhost.amqpUrl),
    store: { connection_string: database.url },
    ...content,
  });
  const child = startLogged([START], files.environment({ EVENTAGENT_JOB_NAME: job, EVENTAGENT_JOB_UID: `uid-of-${job}` }));
  const dispose = async () => {
    await child.kill();
    files[Symbol.dispose]();
  };
  return { ...child, files, [Symbol.asyncDispose]: dispose };
}

const slotNow = () => Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const jobOf = (slot: number) => `briefing-tick-${slot / MINUTE_MS}`;
const eventOf = (slot: number) => `schedule-uid-${slot / MINUTE_MS}`;

/** What a tick left behind, without the time. */
function wordsOf(tick: TickProcess): unknown {
  const { finishedAt, ...words } = tick.files.lastWords() as Readonly<Record<string, unknown>>;
  assert.ok(Math.abs(Date.parse(String(finishedAt)) - Date.now()) < 120_000, String(finishedAt));
  return words;
}

suite('a tick as a process of its own', { concurrency: 2 }, () => {
  for (const version of ['3.10', '4.3'] as const)
    test(`with a review its event tells of dead letters, which stay, and of what has come since the last, RabbitMQ ${version}`, (t) =>
      onPodsStage(t, version, async (stage) => {
        const { stub, start, vhost, reviewer } = stage;
        await using queue = await deadLetterQueue(vhost);
        await queue.bury([{ id: 'a' }, { id: 'b' }]);
        const model = { ...reviewer.runner.model, prompt: '{{ event.data.deadLetters | json }}' };
        await (await start('runner', { configuration: { ...reviewer.runner, model } })).untilReady();
        const configuration = configurationOf({ every: '24h', deadLetterReview: { agents: ['reviewer'] } });
        const reportOf = async (job: string): Promise<EventReview> => {
          const before = stub.received().length;
          await using tick = startTick(stage, job, { configuration });
          assert.equal(await tick.exit, tickOutcomes.done.exitCode, tick.stderr());
          return JSON.parse(stub.received()[before]?.prompt ?? '') as EventReview;
        };
        const first = await reportOf('by-hand-1');
        assert.deepEqual([first.since, first.agents[0]?.deadLetters], [undefined, 2]);
        await queue.bury([{ id: 'c', at: Date.now() + 1000 }]);
        const second = await reportOf('by-hand-2');
        assert.equal(second.since, first.generatedAt);
        assert.deepEqual(
          second.agents.map(({ groups }) => groups.map(({ count, since }) => [count, since?.arrived, since?.trend])),
          [[[3, 1, 'growing']]],
        );
        await queue.ready(brokerNames(REVIEWER).dead, 3);
      }));

  for (const version of ['3.10', '4.0', '4.3'] as const)
    test(`it publishes one event, waits for its run and ends as it does, RabbitMQ ${version}`, (t) =>
      onPodsStage(t, version, async (stage) => {
        const { sink, stub, start, vhost } = stage;
        await (await start('runner')).untilReady();
        const answer = createGate();
        stub.script(() => ({ hold: { at: 'headers', until: answer.opened } }));
        const slot = slotNow();
        await using tick = startTick(stage, jobOf(slot));
        await stub.until('the run is under way', () => stub.received().length === 1);
        assert.equal(tick.hasEnded(), false, 'it waits');
        answer.open();
        assert.equal(await tick.exit, tickOutcomes.done.exitCode);
        assert.deepEqual(wordsOf(tick), { outcome: 'done', reason: '', eventId: eventOf(slot), slot: new Date(slot).toISOString() });
        assert.deepEqual(
          sink.requests().map(({ body }) => (JSON.parse(body) as { event: string }).event),
          [eventOf(slot)],
        );
        assert.match(stub.received()[0]?.prompt ?? '', /Review: the figures$/);
        assert.equal(tick.stderr(), '');
        assert.ok(!JSON.stringify(tick.lines()).includes(vhost.amqpUrl));
      }));

  test('killed, evicted and started again it is one run', (t) =>
    onPodsStage(t, '4.0', async (stage) => {
      const { sink, stub, start } = stage;
      const runner = await start('runner');
      await runner.untilReady();
      const answer = createGate();
      stub.script(() => ({ hold: { at: 'headers', until: answer.opened } }));
      const job = jobOf(slotNow());
      const published = (tick: TickProcess) =>
        tick.until('it has published', (lines) => lines.some(({ msg }) => msg === 'event published'));
      await using killed = startTick(stage, job);
      await published(killed);
      await killed.kill();
      await using evicted = startTick(stage, job);
      await stub.until('the run is under way', () => stub.received().length === 1);
      await evicted.until('it waits', (lines) => lines.some(({ msg }) => /^event published|its run is waited for$/.test(msg)));
      evicted.signal('SIGTERM');
      assert.equal(await evicted.exit, 143);
      assert.equal(tickExitCodes[143].job, 'Ignore');
      assert.equal(evicted.files.lastWords(), undefined);
      await using last = startTick(stage, job);
      answer.open();
      assert.equal(await last.exit, 0);
      assert.deepEqual([sink.requests().length, stub.ledger().length], [1, 1]);
    }));

  test('a dead letter is a failure with its reason', (t) =>
    onPodsStage(t, '4.0', async (stage) => {
      const { stub, start } = stage;
      await (await start('runner')).untilReady();
      stub.script(() => ({ text: 'No.', stopReason: 'refusal' }));
      await using tick = startTick(stage, 'by-hand');
      assert.equal(await tick.exit, tickOutcomes.dead.exitCode);
      assert.deepEqual(wordsOf(tick), { outcome: 'dead', reason: 'Refused', eventId: 'schedule-uid-manual-uid-of-by-hand' });
    }));

  test('what nobody takes in time expires, and a runner that comes later does not run it', (t) =>
    onPodsStage(t, '4.0', async (stage) => {
      const { sink, stub, start, look } = stage;
      // The runner declares nothing; the topology is there once one was started.
      const first = await start('runner');
      await first.untilReady();
      first.signal('SIGTERM');
      await first.exit;
      // A slot of the minute before, which ends in twenty seconds.
      const slot = slotNow() - MINUTE_MS;
      const seconds = Math.ceil((Date.now() - slot) / 1000) + 20 - 59;
      await using tick = startTick(stage, jobOf(slot), { configuration: configurationOf({ schedule: `@every ${seconds}s` }) });
      assert.equal(await tick.exit, tickOutcomes.expired.exitCode);
      assert.equal((wordsOf(tick) as { outcome: string }).outcome, 'expired');
      const [message, ...others] = await look('ea.test.reviewer');
      assert.ok(message !== undefined && others.length === 0, 'its event is in the queue still');
      assert.deepEqual(
        [message.properties.headers['ea-tick'], message.properties.headers['ea-expires-at']],
        [true, new Date(slot + (59 + seconds) * 1000).toISOString()],
      );
      const runner = await start('runner');
      await runner.until('the event is settled', (lines) => lines.some(({ outcome }) => outcome !== undefined));
      assert.deepEqual(
        runner.lines().flatMap(({ outcome }) => outcome ?? []),
        ['duplicate'],
      );
      assert.deepEqual([sink.requests().length, stub.received().length], [0, 0]);
    }));

  test('while the run of another slot is under way it begins none', (t) =>
    onPodsStage(t, '4.0', async (stage) => {
      const { sink, stub, start } = stage;
      await (await start('runner')).untilReady();
      const answer = createGate();
      stub.script(() => ({ hold: { at: 'headers', until: answer.opened } }));
      const slot = slotNow();
      await using first = startTick(stage, jobOf(slot));
      await stub.until('the run is under way', () => stub.received().length === 1);
      await using second = startTick(stage, jobOf(slot + MINUTE_MS));
      assert.equal(await second.exit, tickOutcomes.skipped.exitCode);
      assert.deepEqual(wordsOf(second), {
        outcome: 'skipped',
        reason: 'PreviousRunUnfinished',
        eventId: eventOf(slot + MINUTE_MS),
        slot: new Date(slot + MINUTE_MS).toISOString(),
      });
      assert.equal(first.hasEnded(), false);
      answer.open();
      assert.equal(await first.exit, 0);
      assert.equal(sink.requests().length, 1);
    }));

  test('a variable that is missing is its last word', async () => {
    using files = podFiles({ configuration: configurationOf(), broker: {} });
    await using tick = startLogged([START], files.environment({ EVENTAGENT_JOB_NAME: 'a' }));
    assert.equal(await tick.exit, 2);
    assert.deepEqual(files.lastWords(), {
      reason: 'BadConfiguration',
      message: 'the environment variable EVENTAGENT_JOB_UID is not set: it must be the uid of a Job',
    });
  });

  for (const [name, content, code, reason] of [
    ['a wrong password of the broker', { broker: true }, 1, 'BrokerLoginRefused'],
    ['a wrong password of the store', { store: true }, 1, 'StoreLoginRefused'],
    ['a schedule that means nothing', { configuration: { ...configurationOf(), cron: '61 * * * *' } }, 2, 'BadConfiguration'],
    ['a configuration of another version', { configuration: { ...configurationOf(), more: 1 } }, 2, 'BadConfiguration'],
  ] as const)
    test(`${name} is its last word, and its exit code ${code}`, (t) =>
      onPodsStage(t, '4.0', async (stage) => {
        const wrong = (url: string) => url.replace(/\/\/[^@]*@|\/\//, '//somebody:wrong@');
        await using tick = startTick(stage, jobOf(slotNow()), {
          ...('broker' in content ? { broker: { connection_string: wrong(stage.vhost.amqpUrl) } } : {}),
          ...('store' in content ? { store: { connection_string: wrong(stage.database.url) } } : {}),
          ...('configuration' in content ? { configuration: content.configuration } : {}),
        });
        assert.equal(await tick.exit, code);
        const words = tick.files.lastWords() as { readonly reason: string; readonly message: string };
        assert.equal(words.reason, reason);
        assert.ok(words.message !== '' && !words.message.includes('wrong@'), words.message);
      }));
});
