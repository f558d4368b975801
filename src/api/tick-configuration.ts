import { anyObject, count, fromJson, listOf, name, object, optional } from './json-shape.ts';
import type { AgentRef } from './names.ts';

/** The field of the event's data that has the report on dead letters. */
export const REVIEW_FIELD = 'deadLetters';

/** Everything that the tick of a schedule has to know. */
export interface TickConfiguration {
  readonly schedule: ScheduleRef;
  /** The CronJob: its Job for a slot is called `<cronJob>-<minutes since the epoch>`. */
  readonly cronJob: string;
  readonly agent: AgentRef;
  /** Prefix of all names on the broker. */
  readonly prefix: string;
  /** The cron expression in force, `spec.every` included. */
  readonly cron: string;
  /** Name of a time zone in the IANA database. */
  readonly timeZone: string;
  /** The event's data. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Agents of the schedule's namespace whose dead letters the event tells of, as `deadLetters`. */
  readonly review?: { readonly agents: readonly string[] };
  /** How long the agent's finished events are remembered. */
  readonly retentionMs: number;
}

/** One AgentSchedule, in one of its lives: another one of the same name has another uid. */
export interface ScheduleRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Reads the JSON of a tick's configuration. Throws `InputError` (`InvalidResource`) with the path of what is wrong. */
export function parseTickConfiguration(json: string): TickConfiguration {
  return fromJson(json, tickConfiguration);
}

const tickConfiguration = object<TickConfiguration>({
  schedule: object<ScheduleRef>({ namespace: name, name, uid: name }),
  cronJob: name,
  agent: object<AgentRef>({ namespace: name, name }),
  prefix: name,
  cron: name,
  timeZone: name,
  input: anyObject,
  review: optional(object<NonNullable<TickConfiguration['review']>>({ agents: listOf(name) })),
  retentionMs: count(0),
});
