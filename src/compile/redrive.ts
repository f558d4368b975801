import type { DeadLetterRedrive } from '../api/generated/dead-letter-redrive.ts';
import { DEFAULT_PREFIX } from '../api/names.ts';
import type { RedriveConfiguration } from '../api/redrive-configuration.ts';

/** Compiles a redrive: what its process is told. `uid` is that of the DeadLetterRedrive. Pure. */
export function compileRedrive(
  { metadata, spec }: DeadLetterRedrive,
  { uid, prefix = DEFAULT_PREFIX }: { readonly uid: string; readonly prefix?: string },
): RedriveConfiguration {
  const { namespace, name } = metadata;
  const { agentRef, filter = {}, dryRun, limit, eventsPerMinute, stopAtFailurePercent, outcomeTimeoutSeconds } = spec;
  const { olderThanSeconds, newerThanSeconds, ...same } = filter;
  return {
    redrive: { namespace, name, uid },
    agent: { namespace, name: agentRef.name },
    prefix,
    filter: {
      ...same,
      ...(olderThanSeconds === undefined ? {} : { olderThanMs: olderThanSeconds * 1000 }),
      ...(newerThanSeconds === undefined ? {} : { newerThanMs: newerThanSeconds * 1000 }),
    },
    dryRun,
    ...(limit === undefined ? {} : { limit }),
    eventsPerMinute,
    stopAtFailurePercent,
    outcomeTimeoutMs: outcomeTimeoutSeconds * 1000,
  };
}
