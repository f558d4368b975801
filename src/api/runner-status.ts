import { count, fromJson, object, optional, type Parse, text, word } from './json-shape.ts';

/** Why the model provider is taken to be unavailable. Times in milliseconds since the epoch. */
export interface ModelTrouble {
  /** One of the reasons for handing an event back. */
  readonly reason: string;
  readonly error: string;
  readonly since: number;
  readonly nextTryAt: number;
}

/** What is booked, over all replicas, for the present day and month. */
export interface BudgetStatus {
  readonly dayNanoUsd: number;
  readonly monthNanoUsd: number;
  /** Why nothing is taken, and until when. */
  readonly closed?: { readonly period: 'day' | 'month'; readonly until: number };
}

/** How event after event fails, while none is given up for it. */
export interface AlikeStatus {
  readonly fingerprint: string;
  readonly reason: string;
  readonly error: string;
  /** The id of an event that fails so. */
  readonly example: string;
  readonly since: number;
  readonly nextTryAt: number;
}

/** What a runner tells on `/status` of its metrics port; the controller asks one pod of each agent, since all know the same. */
export interface RunnerStatus {
  readonly trouble?: ModelTrouble;
  /** What the agent has cost today, over all replicas; with a budget what is booked for its day. Missing where no price is known for its model, or for a call of today, and before it was looked at. */
  readonly costTodayNanoUsd?: number;
  /** Missing where the agent has none, and before it was looked at. */
  readonly budget?: BudgetStatus;
  readonly alike?: AlikeStatus;
}

/** Reads the JSON of `/status`. Throws `InputError` (`InvalidResource`). */
export function parseRunnerStatus(json: string): RunnerStatus {
  return fromJson(json, runnerStatus);
}

const closed = object<NonNullable<BudgetStatus['closed']>>({ period: word('day', 'month'), until: count(0) });
const runnerStatus: Parse<RunnerStatus> = object<RunnerStatus>({
  trouble: optional(object<ModelTrouble>({ reason: text, error: text, since: count(0), nextTryAt: count(0) })),
  costTodayNanoUsd: optional(count(0)),
  budget: optional(object<BudgetStatus>({ dayNanoUsd: count(0), monthNanoUsd: count(0), closed: optional(closed) })),
  alike: optional(
    object<AlikeStatus>({ fingerprint: text, reason: text, error: text, example: text, since: count(0), nextTryAt: count(0) }),
  ),
});
