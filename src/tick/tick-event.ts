import { defaultIdempotencyKey, type EventAttributes, FRESH, messageFor } from '../api/event.ts';
import { brokerNames, routingKeys } from '../api/names.ts';
import type { ScheduleRef, TickConfiguration } from '../api/tick-configuration.ts';
import type { Publication } from '../broker/port.ts';
import { parseSchedule } from '../schedule/schedule.ts';
import { manualEventId, slotEventId, slotOf } from '../schedule/slot.ts';
import type { RecordKey } from '../store/port.ts';

/** The type of every event of a schedule. */
export const TICK_EVENT_TYPE = 'dev.eventagent.schedule';

/** The Job that a tick is the pod of. */
export interface TickJob {
  readonly name: string;
  readonly uid: string;
}

/** What one tick is about: its event, and where that is remembered. */
export interface Tick {
  readonly configuration: TickConfiguration;
  readonly eventId: string;
  readonly key: RecordKey;
  /** The time that the schedule has named, in milliseconds since the epoch; missing where somebody started the run by hand. */
  readonly slot?: number;
  /** When the next run is due; the event of a slot is not begun after it. */
  readonly expiresAt?: number;
}

/** The tick of a Job. `now` in milliseconds. Throws `InputError` (`BadSchedule`). */
export function tickOf(configuration: TickConfiguration, job: TickJob, now: number): Tick {
  const { schedule, cronJob, cron, timeZone } = configuration;
  const times = parseSchedule(cron, timeZone);
  const slot = slotOf(job.name, cronJob, now);
  const eventId = slot === undefined ? manualEventId(schedule.uid, job.uid) : slotEventId(schedule.uid, slot);
  return {
    configuration,
    eventId,
    key: tickKey(configuration, eventId),
    ...(slot === undefined ? {} : { slot, expiresAt: times.endOfSlot(slot) }),
  };
}

/** Where the record of a schedule's event is: under its default key, whatever key the agent has. */
export function tickKey({ agent, schedule }: TickConfiguration, eventId: string): RecordKey {
  return { agent, event: defaultIdempotencyKey({ source: tickSource(schedule), id: eventId }) };
}

/** The message of a tick, to the agent's own exchange. `now` in milliseconds; `extra`: further data beside the input. */
export function tickPublication(
  { configuration, eventId, slot, expiresAt }: Tick,
  now: number,
  extra: Readonly<Record<string, unknown>> = {},
): Publication {
  const { agent, prefix, schedule, input } = configuration;
  const attributes: EventAttributes = {
    id: eventId,
    source: tickSource(schedule),
    type: TICK_EVENT_TYPE,
    time: new Date(slot ?? now).toISOString(),
    extensions: {},
    hop: 0,
  };
  const content = { body: Buffer.from(JSON.stringify({ ...input, ...extra })), contentType: 'application/json' };
  const progress = { ...FRESH, tick: true, ...(expiresAt === undefined ? {} : { expiresAt }) };
  return {
    ...messageFor(attributes, content, now, progress),
    exchange: brokerNames(agent, prefix).exchange,
    routingKey: routingKeys.work,
  };
}

/** The source of a schedule's events: its path at the API server. */
function tickSource({ namespace, name }: ScheduleRef): string {
  return `/apis/eventagent.dev/v1alpha1/namespaces/${namespace}/agentschedules/${name}`;
}
