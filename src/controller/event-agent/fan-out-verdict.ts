import type { Compiled } from '../../compile/compile.ts';
import { bad, good, unknown, type Verdict } from '../verdict.ts';
import type { Reach } from './fan-out.ts';

/** So many agents are named in the message. */
const NAMED = 3;

/** The condition `WideFanOut` of an agent. `reach`: the widest type that reaches it, where that reaches more than `above`. Pure. */
export function fanOutVerdict(
  inForce: Pick<Compiled, 'typePatterns'> | undefined,
  reach: Reach | undefined,
  isExact: boolean,
  above: number,
): Verdict {
  if (reach !== undefined) {
    const { type, count, agents } = reach;
    const named = agents.slice(0, NAMED);
    const others = count - named.length;
    const names = others > 0 ? `${named.join(', ')} and ${others} more` : named.join(', ');
    const number = isExact ? `${count}` : `at least ${count}`;
    return good('ManyAgents', `an event of type ${type} reaches ${number} agents of the namespace, more than ${above}: ${names}`);
  }
  if (inForce === undefined || inForce.typePatterns.length === 0) return bad('NoEventTypes', 'the agent takes no events by their type');
  if (!isExact)
    return unknown(
      'NotObserved',
      `the patterns of the namespace overlap in too many ways to look at every event type; none of those that were looked at reaches this agent and more than ${above}`,
    );
  return bad('FewAgents', `no event type that the agent takes reaches more than ${above} agents of the namespace`);
}
