import { randomUUID } from 'node:crypto';
import { digest } from '../../api/names.ts';
import type { TickConfiguration } from '../../api/tick-configuration.ts';
import type { BrokerConnection } from '../../broker/port.ts';
import { compileSchedule } from '../../compile/schedule.ts';
import type { Clock } from '../../lib/clock.ts';
import { InputError, messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { parseSchedule } from '../../schedule/schedule.ts';
import { slotJobName } from '../../schedule/slot.ts';
import type { Store } from '../../store/port.ts';
import { lastWordsOf } from '../../tick/last-words.ts';
import { publishOnce } from '../../tick/publish-once.ts';
import { runTick } from '../../tick/run-tick.ts';
import { RefusedInput } from '../exit.ts';
import { connectDeadline } from '../lent-parts.ts';
import { type LoadedSchedule, missingAgent } from '../load.ts';

/** A schedule as `dev` runs it. */
export interface DevSchedule {
  readonly configuration: TickConfiguration;
  readonly startingDeadlineMs: number;
  readonly suspend: boolean;
}

/** Schedules at work. */
export interface Schedules {
  /** Begins no further run, and waits for none that is under way: their events stay where they are. Never rejects, and may be repeated. */
  close(): Promise<void>;
}

/** What schedules touch of the world. */
export interface SchedulePorts {
  readonly connection: BrokerConnection;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** The schedules of the given files for a session. Throws `RefusedInput` naming each whose agent is in none of the files: nobody would run its events. */
export function devSchedules(schedules: readonly LoadedSchedule[]): readonly DevSchedule[] {
  const missing = schedules.flatMap((schedule) => missingAgent(schedule) ?? []);
  if (missing.length > 0) throw new RefusedInput(missing);
  return schedules.flatMap(({ schedule, agent }) => {
    if (agent === undefined) return [];
    const { namespace, name } = schedule.metadata;
    // The same in every session, so that a store which outlives one knows what has been run.
    const uid = `dev-${digest(namespace, name).slice(0, 16)}`;
    const { startingDeadlineSeconds, suspend } = schedule.spec;
    return [
      {
        configuration: compileSchedule(schedule, agent.agent, { uid }),
        startingDeadlineMs: startingDeadlineSeconds * 1000,
        suspend,
      },
    ];
  });
}

/** The schedule of that name. Throws `InputError` (`Usage`) where there is none. */
export function scheduleNamed(schedules: readonly DevSchedule[], name: string): DevSchedule {
  const found = schedules.find(({ configuration }) => configuration.schedule.name === name);
  if (found !== undefined) return found;
  const known = schedules.map(({ configuration }) => configuration.schedule.name).join(', ');
  throw new InputError(
    'Usage',
    `--fire: there is no AgentSchedule ${name} in the given files: ${known === '' ? 'there is none at all' : `there is ${known}`}`,
  );
}

/** Fires schedules as a CronJob with `concurrencyPolicy: Forbid` does, by the same cron and the same tick; `fire`: that one at once, too, as an event of its own. */
export function startSchedules(schedules: readonly DevSchedule[], ports: SchedulePorts, fire?: DevSchedule): Schedules {
  const stop = new AbortController();
  const work = schedules.filter(({ suspend }) => !suspend).map((schedule) => runSchedule(schedule, ports, stop.signal));
  if (fire !== undefined) work.push(follow(fire, `${fire.configuration.cronJob}-fired`, ports, stop.signal));
  return {
    close: async () => {
      stop.abort(new Error('the session is ending'));
      await Promise.all(work);
    },
  };
}

/** What a schedule will do, for people. `now` in milliseconds. */
export function scheduleLine({ configuration, suspend }: DevSchedule, now: number): Readonly<Record<string, unknown>> {
  const { schedule, agent, cron, timeZone } = configuration;
  const next = suspend ? undefined : parseSchedule(cron, timeZone).nextAfter(now);
  return {
    schedule: schedule.name,
    agent: agent.name,
    cron,
    timeZone,
    ...(suspend ? { suspend } : {}),
    ...(next === undefined ? {} : { next: new Date(next).toISOString() }),
  };
}

/** One schedule, until the signal is aborted. Looks at each of its times, and at each end of a run, whether one is to begin. */
async function runSchedule(schedule: DevSchedule, ports: SchedulePorts, signal: AbortSignal): Promise<void> {
  const { configuration, startingDeadlineMs } = schedule;
  const { clock } = ports;
  const log = ports.log.child({ schedule: configuration.schedule.name });
  const times = parseSchedule(configuration.cron, configuration.timeZone);
  let wake = () => {};
  const until = (time: number) =>
    new Promise<void>((resolve) => {
      const timer = clock.timer(Math.max(0, time - clock.now()), resolve);
      wake = () => {
        timer.cancel();
        resolve();
      };
    });
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort);
  let begunAt = clock.now();
  let lastJob: string | undefined;
  let skipped = 0;
  let run: Promise<void> | undefined;
  while (!signal.aborted) {
    const now = clock.now();
    const due = times.latestBetween(Math.max(begunAt, now - startingDeadlineMs), now);
    if (due !== undefined && run === undefined) {
      const job = slotJobName(configuration.cronJob, due);
      begunAt = due;
      // There is one Job a minute, however often `@every` would have it.
      if (job !== lastJob)
        run = follow(schedule, job, ports, signal).finally(() => {
          run = undefined;
          wake();
        });
      lastJob = job;
    } else if (due !== undefined && due > skipped) {
      // Once a slot, even by a timer that fires a little early.
      skipped = due;
      log.warn('the run before has not ended: this one is skipped, unless that ends within startingDeadlineSeconds', {
        slot: new Date(due).toISOString(),
        startingDeadlineSeconds: startingDeadlineMs / 1000,
      });
    }
    const next = times.nextAfter(now);
    await until(next ?? Number.POSITIVE_INFINITY);
  }
  signal.removeEventListener('abort', onAbort);
  await run;
}

/** One run, from its event to its end. Never rejects. */
async function follow({ configuration }: DevSchedule, job: string, ports: SchedulePorts, signal: AbortSignal): Promise<void> {
  const log = ports.log.child({ schedule: configuration.schedule.name });
  const { connection, store, clock } = ports;
  const review = { connection, clock, store, connect: connectDeadline };
  const tickPorts = { publish: publishOnce(connection, clock), review, store, clock, log, newFence: randomUUID, random: Math.random };
  try {
    const words = lastWordsOf(await runTick(configuration, { name: job, uid: randomUUID() }, tickPorts, signal));
    const well = words.outcome === 'done' || words.outcome === 'filtered' || words.outcome === 'stale';
    log[well ? 'info' : 'warn']('scheduled run ended', { ...words });
  } catch (error) {
    if (!signal.aborted) log.error('a scheduled run could not be followed to its end', { error: messageOf(error) });
  }
}
