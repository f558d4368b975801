import type { Operator } from '../operator.ts';
import { bad, good, type Verdict } from '../verdict.ts';
import { isDeleting, type StoredEventAgent } from './resource.ts';

/** An agent that another resource names. */
export interface Resolved {
  /** With the spec that its pods run; `undefined` where it cannot be run. */
  readonly agent: StoredEventAgent | undefined;
  /** The condition `AgentResolved`. */
  readonly verdict: Verdict;
}

/** Looks up the agent of `spec.agentRef`. `otherwise`: what else can be done where there is none, but creating it. */
export function resolvedAgent(
  { caches, views }: Pick<Operator, 'caches' | 'views'>,
  namespace: string,
  name: string,
  otherwise: string,
): Resolved {
  const named = caches.eventAgents.get(namespace, name);
  if (named === undefined || isDeleting(named))
    return {
      agent: undefined,
      verdict: bad('AgentMissing', `spec.agentRef: there is no EventAgent ${name} in namespace ${namespace}: create it, or ${otherwise}`),
    };
  const agent = views.of(namespace).standingOf(name)?.inForce?.agent;
  return {
    agent,
    verdict:
      agent === undefined
        ? bad('AgentNotAccepted', `EventAgent ${name} has no configuration that could be run: its condition Accepted says why`)
        : good('Resolved', `EventAgent ${name} is there`),
  };
}
