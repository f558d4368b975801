import type { AgentSchedule } from '../api/generated/agent-schedule.ts';
import type { EventAgent } from '../api/generated/event-agent.ts';
import { cronJobName } from '../api/kube-names.ts';
import { DEFAULT_PREFIX } from '../api/names.ts';
import { REVIEW_FIELD, type TickConfiguration } from '../api/tick-configuration.ts';
import { InputError } from '../lib/errors.ts';
import { cronOf } from '../schedule/every.ts';
import { parseSchedule } from '../schedule/schedule.ts';
import type { Problem } from './compile.ts';

/** Event data travels in a message, lies in a ConfigMap, and is pasted into prompts: more than this belongs where the agent can fetch it. */
const MAX_INPUT_BYTES = 65_536;

/** Compiles one schedule with the agent that it names, which must be the one: the same for the controller, `dev` and `render`. `uid` is that of the AgentSchedule. Pure. */
export function compileSchedule(
  schedule: AgentSchedule,
  agent: EventAgent,
  { uid, prefix = DEFAULT_PREFIX }: { readonly uid: string; readonly prefix?: string },
): TickConfiguration {
  const { namespace, name } = schedule.metadata;
  return {
    schedule: { namespace, name, uid },
    cronJob: cronJobName(name),
    agent: { namespace, name: schedule.spec.agentRef.name },
    prefix,
    cron: cronTextOf(schedule),
    timeZone: schedule.spec.timeZone,
    input: schedule.spec.input ?? {},
    ...(schedule.spec.deadLetterReview === undefined ? {} : { review: { agents: [...new Set(schedule.spec.deadLetterReview.agents)] } }),
    retentionMs: agent.spec.idempotency.retentionSeconds * 1000,
  };
}

/** The cron expression in force: of the two fields the one that is given. */
export function cronTextOf({ spec }: AgentSchedule): string {
  return spec.schedule ?? (spec.every === undefined ? '' : cronOf(spec.every));
}

/** What is wrong with a schedule beyond its schema: an expression that does not parse or never happens, a time zone that is none, too much input. */
export function scheduleProblems(schedule: AgentSchedule): readonly Problem[] {
  return [...timeProblems(schedule), ...inputProblems(schedule)];
}

function timeProblems(schedule: AgentSchedule): readonly Problem[] {
  try {
    parseSchedule(cronTextOf(schedule), schedule.spec.timeZone);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return [{ path: `spec.${error.path}`, message: error.message }];
  }
}

function inputProblems({ spec }: AgentSchedule): readonly Problem[] {
  if (spec.deadLetterReview !== undefined && Object.hasOwn(spec.input ?? {}, REVIEW_FIELD))
    return [{ path: `spec.input.${REVIEW_FIELD}`, message: 'spec.deadLetterReview puts its report there: give this another name' }];
  const bytes = Buffer.byteLength(JSON.stringify(spec.input ?? {}));
  if (bytes <= MAX_INPUT_BYTES) return [];
  return [
    {
      path: 'spec.input',
      message: `${bytes} bytes of JSON, and ${MAX_INPUT_BYTES} are allowed: give the agent an address to fetch it from`,
    },
  ];
}
