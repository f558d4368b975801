import type { AgentSchedule } from '../api/generated/agent-schedule.ts';
import type { EventAgent } from '../api/generated/event-agent.ts';
import type { ClockChange } from '../schedule/clock-change.ts';
import { parseSchedule, type Schedule } from '../schedule/schedule.ts';
import type { Problem } from './compile.ts';
import { cronTextOf } from './schedule.ts';

const MINUTE_MS = 60_000;

/** What is legal in a schedule without problems, and unwise; `agent` is the one that it names, where that is known. `now` in milliseconds. */
export function scheduleWarnings(schedule: AgentSchedule, agent: EventAgent | undefined, now: number): readonly Problem[] {
  const times = parseSchedule(cronTextOf(schedule), schedule.spec.timeZone);
  return [
    ...changedClocks(schedule, times.clockChanges(now)),
    ...withinAMinute(times),
    ...(agent === undefined ? [] : shortDeadline(schedule, agent)),
  ];
}

function changedClocks({ spec }: AgentSchedule, [change]: readonly ClockChange[]): readonly Problem[] {
  if (change === undefined) return [];
  const { kind, time } = change;
  const two = (number: number) => String(number).padStart(2, '0');
  const what = kind === 'skipped' ? 'skip' : 'show twice';
  const then = kind === 'skipped' ? 'nothing runs then' : 'it runs twice then';
  const message = `on ${time.year}-${two(time.month)}-${two(time.day)} the clocks of ${spec.timeZone} ${what} ${two(time.hour)}:${two(time.minute)}, and ${then}: choose a time that no change of the clocks touches, or Etc/UTC`;
  return [{ path: spec.schedule === undefined ? 'spec.every' : 'spec.schedule', message }];
}

function withinAMinute({ delayMs = MINUTE_MS }: Schedule): readonly Problem[] {
  if (delayMs >= MINUTE_MS) return [];
  return [{ path: 'spec.schedule', message: 'CronJobs begin at most one Job a minute: what is due more often is left out' }];
}

function shortDeadline({ spec }: AgentSchedule, { spec: { delivery } }: EventAgent): readonly Problem[] {
  const { activeDeadlineSeconds } = spec;
  const { runTimeoutSeconds } = delivery;
  if (activeDeadlineSeconds >= runTimeoutSeconds) return [];
  const message = `the Job gives up after ${activeDeadlineSeconds} s, before a run of the agent may end (its runTimeoutSeconds is ${runTimeoutSeconds}): the run then counts as failed, whatever becomes of it`;
  return [{ path: 'spec.activeDeadlineSeconds', message }];
}
