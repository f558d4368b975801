import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../../test/support/agent.ts';
import { agentSchedule } from '../../../test/support/schedule.ts';
import { createVirtualClock } from '../../../test/support/virtual-clock.ts';
import { defaultIdempotencyKey } from '../../api/event.ts';
import type { BrokerConnection, Publication } from '../../broker/port.ts';
import { compile } from '../../compile/compile.ts';
import { InputError } from '../../lib/errors.ts';
import type { Log, LogFields } from '../../lib/log.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { RefusedInput } from '../exit.ts';
import type { LoadedSchedule } from '../load.ts';
import { devSchedules, scheduleLine, scheduleNamed, startSchedules } from './schedules.ts';

const START = Date.parse('2026-01-01T06:58:30Z');
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

function loaded(spec: Readonly<Record<string, unknown>>, name = 'briefing'): LoadedSchedule {
  const agent = eventAgent();
  const placeOf = (path: string) => `agents.yaml:${path.length}`;
  return { schedule: agentSchedule({ name, spec }), agent: { agent, compiled: compile(agent), placeOf }, placeOf };
}

/** Schedules on a broker that confirms everything, and an agent whose runs end when the test says so. */
function stage(spec: Readonly<Record<string, unknown>>, options: { readonly fire?: boolean } = {}) {
  const clock = createVirtualClock(START);
  const store = createMemoryStore(clock);
  const published: string[] = [];
  const said: (LogFields & { readonly message: string })[] = [];
  const say = (message: string, fields: LogFields = {}) => void said.push({ message, ...fields });
  const log: Log = { info: say, warn: say, error: say, child: () => log };
  const channel = {
    publish: async ({ headers }: Publication) => {
      published.push(String(headers['ce-id']));
      return 'confirmed' as const;
    },
    close: async () => {},
  };
  const connection = { openChannel: async () => channel } as unknown as BrokerConnection;
  const schedules = devSchedules([loaded(spec)]);
  const running = startSchedules(schedules, { connection, store, clock, log }, options.fire ? schedules[0] : undefined);
  const source = '/apis/eventagent.dev/v1alpha1/namespaces/test/agentschedules/briefing';
  const record = async (id: string, phase: 'running' | 'done') => {
    const key = { agent: { namespace: 'test', name: 'agent' }, event: defaultIdempotencyKey({ source, id }) };
    const reading = store.read(key);
    await clock.advance(0);
    const version = (await reading).stored?.version ?? 0;
    const next = { gen: 0, attempt: 1, phase, fence: 'f', starts: 0, startedAt: 0, outputs: {} } as const;
    const result = phase === 'done' ? { result: { outcome: 'done', endedAt: clock.now() } as const } : {};
    const writing = store.replace(key, version, { record: { ...next, ...result }, leaseMs: 0 });
    await clock.advance(0);
    assert.ok((await writing).written);
  };
  /** The agent takes the last event, and its run goes on. */
  const take = () => record(published.at(-1) ?? '', 'running');
  /** The run of the last event ends, and whoever waits for it sees that. */
  const finish = async () => {
    await record(published.at(-1) ?? '', 'done');
    await clock.advance(2 * SECOND_MS);
  };
  const skips = () => said.filter(({ message }) => message.includes('is skipped')).map(({ slot }) => String(slot).slice(11, 16));
  /** Lets time pass until then: hours, minutes, seconds. */
  const until = (time: string) => clock.advance(Date.parse(`2026-01-01T${time}Z`) - clock.now());
  return { clock, said, running, take, finish, skips, until, slots: () => published.map(slotText) };
}

/** The time in an event's id. */
function slotText(id: string): string {
  const minutes = /^dev-[0-9a-f]{16}-(\d+)$/.exec(id)?.[1];
  return minutes === undefined
    ? id.replace(/^dev-[0-9a-f]{16}-/, '').replace(/[0-9a-f-]{36}$/, 'UUID')
    : new Date(Number(minutes) * MINUTE_MS).toISOString().slice(11, 16);
}

test('a schedule fires at its times, and nothing before the first', async () => {
  const { until, slots, finish, said } = stage({ every: '2m' });
  await until('06:59:59');
  assert.deepEqual(slots(), []);
  await until('07:00:01');
  assert.deepEqual(slots(), ['07:00']);
  await finish();
  assert.equal(said.at(-1)?.message, 'scheduled run ended');
  assert.deepEqual([said.at(-1)?.outcome, said.at(-1)?.slot], ['done', '2026-01-01T07:00:00.000Z']);
  await until('07:01:59');
  assert.deepEqual(slots(), ['07:00']);
  await until('07:02:01');
  assert.deepEqual(slots(), ['07:00', '07:02']);
});

test('while a run is under way no other begins, which is said once a slot; the one that is due at its end begins late', async () => {
  const { until, slots, take, finish, skips } = stage({ every: '10m', startingDeadlineSeconds: 120 });
  await until('07:00:01');
  await take();
  await until('07:21:00');
  assert.deepEqual([slots(), skips()], [['07:00'], ['07:10', '07:20']]);
  await finish();
  assert.deepEqual(slots(), ['07:00', '07:20'], 'late by a minute');
  await finish();
  await until('07:30:01');
  assert.deepEqual(slots(), ['07:00', '07:20', '07:30']);
});

test('what could not begin within startingDeadlineSeconds is left out', async () => {
  const { until, slots, take, finish, skips } = stage({ every: '10m', startingDeadlineSeconds: 120 });
  await until('07:00:01');
  await take();
  await until('07:23:00');
  await finish();
  await until('07:29:59');
  assert.deepEqual([slots(), skips()], [['07:00'], ['07:10', '07:20']]);
  await until('07:30:01');
  assert.deepEqual(slots(), ['07:00', '07:30']);
});

test('a run that nobody takes ends with the next slot, which begins', async () => {
  const { until, slots, said } = stage({ every: '10m' });
  await until('07:10:05');
  assert.deepEqual(slots(), ['07:00', '07:10']);
  assert.ok(said.some(({ outcome, slot }) => outcome === 'expired' && slot === '2026-01-01T07:00:00.000Z'));
});

test('a schedule that is suspended does not fire, unless it is told to', async () => {
  const silent = stage({ every: '1m', suspend: true });
  await silent.until('08:00:00');
  assert.deepEqual(silent.slots(), []);
  const told = stage({ every: '1m', suspend: true }, { fire: true });
  await told.until('08:00:00');
  assert.deepEqual(told.slots(), ['manual-UUID']);
});

test('fired at once it fires at its times all the same', async () => {
  const { until, slots } = stage({ schedule: '0 7 * * *' }, { fire: true });
  await until('06:59:00');
  assert.deepEqual(slots(), ['manual-UUID']);
  await until('07:00:01');
  assert.deepEqual(slots(), ['manual-UUID', '07:00']);
});

test('there is one run a minute, however often @every would have it', async () => {
  const { until, slots, finish, said } = stage({ schedule: '@every 5s' });
  await until('06:58:36');
  assert.deepEqual(slots(), ['06:58']);
  await finish();
  await until('06:58:59');
  assert.deepEqual(slots(), ['06:58']);
  assert.equal(said.filter(({ message }) => message === 'scheduled run ended').length, 1);
  await until('06:59:06');
  assert.deepEqual(slots(), ['06:58', '06:59']);
});

test('an end of the session ends the wait for a run at once, and leaves no timer', async () => {
  const { until, clock, running } = stage({ every: '1m' });
  await until('06:59:01');
  await running.close();
  assert.equal(clock.pending, 0);
});

test('a schedule whose agent is in none of the files is refused with its place', () => {
  const { schedule, placeOf } = loaded({});
  assert.throws(
    () => devSchedules([{ schedule, placeOf, agent: undefined }]),
    (error) =>
      error instanceof RefusedInput &&
      /^agents\.yaml:18: spec\.agentRef\.name: EventAgent test\/agent is in none of the given files/.test(error.message),
  );
});

test('a schedule that is to be fired and is not there is an error that names those that are', () => {
  const schedules = devSchedules([loaded({}, 'a'), loaded({}, 'b')]);
  assert.equal(scheduleNamed(schedules, 'b').configuration.schedule.name, 'b');
  assert.throws(
    () => scheduleNamed(schedules, 'c'),
    (error) => error instanceof InputError && error.message === '--fire: there is no AgentSchedule c in the given files: there is a, b',
  );
  assert.throws(() => scheduleNamed([], 'c'), /there is none at all/);
});

test('a line says when it will fire next', () => {
  const [schedule] = devSchedules([loaded({ schedule: '0 7 * * *', timeZone: 'Europe/Berlin' })]);
  assert.ok(schedule !== undefined);
  assert.deepEqual(scheduleLine(schedule, START), {
    schedule: 'briefing',
    agent: 'agent',
    cron: '0 7 * * *',
    timeZone: 'Europe/Berlin',
    next: '2026-01-02T06:00:00.000Z',
  });
  const [suspended] = devSchedules([loaded({ suspend: true })]);
  assert.ok(suspended !== undefined);
  assert.deepEqual(scheduleLine(suspended, START), {
    schedule: 'briefing',
    agent: 'agent',
    cron: '0 7 * * *',
    timeZone: 'Etc/UTC',
    suspend: true,
  });
});

test('the same schedule has the same events in the next session, and another schedule others', () => {
  const uidOf = (name: string) => devSchedules([loaded({}, name)])[0]?.configuration.schedule.uid;
  assert.equal(uidOf('a'), uidOf('a'));
  assert.notEqual(uidOf('a'), uidOf('b'));
});
