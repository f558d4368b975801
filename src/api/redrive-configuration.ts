import type { LetterFilter } from './dead-letter.ts';
import { count, flag, fromJson, name, object, optional } from './json-shape.ts';
import type { AgentRef } from './names.ts';

/** Everything that the process of a DeadLetterRedrive has to know. */
export interface RedriveConfiguration {
  /** The DeadLetterRedrive, in one of its lives: another one of the same name has another uid. */
  readonly redrive: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly agent: AgentRef;
  /** Prefix of all names on the broker. */
  readonly prefix: string;
  readonly filter: LetterFilter;
  readonly dryRun: boolean;
  /** No more events than this are redriven. */
  readonly limit?: number;
  readonly eventsPerMinute: number;
  readonly stopAtFailurePercent: number;
  readonly outcomeTimeoutMs: number;
}

/** Reads the JSON of a redrive's configuration. Throws `InputError` (`InvalidResource`) with the path of what is wrong. */
export function parseRedriveConfiguration(json: string): RedriveConfiguration {
  return fromJson(json, redriveConfiguration);
}

const redriveConfiguration = object<RedriveConfiguration>({
  redrive: object<RedriveConfiguration['redrive']>({ namespace: name, name, uid: name }),
  agent: object<AgentRef>({ namespace: name, name }),
  prefix: name,
  filter: object<LetterFilter>({
    reason: optional(name),
    fingerprint: optional(name),
    type: optional(name),
    olderThanMs: optional(count(0)),
    newerThanMs: optional(count(0)),
  }),
  dryRun: flag,
  limit: optional(count(1)),
  eventsPerMinute: count(1),
  stopAtFailurePercent: count(1),
  outcomeTimeoutMs: count(0),
});
