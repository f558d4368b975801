import { deadSince } from '../api/dead-letter.ts';
import type { AgentRef } from '../api/names.ts';
import { Grouping } from './groups.ts';
import type { ReviewFinding, ReviewReport } from './review-report.ts';
import { type Survey, type SurveyPorts, survey } from './survey.ts';

/**
 * What lies in the dead-letter queues of agents, for a report that is compared with `last`. Everything stays where it is. `onSeen` is told how much of each queue was seen. Rejects
 * with `BrokerError`, or `DeadLetterError` (`NoQueue`).
 */
export async function findingsOf(
  ports: SurveyPorts,
  agents: readonly AgentRef[],
  prefix: string,
  last: ReviewReport | undefined,
  onSeen: (agent: string, seen: Survey) => void,
): Promise<readonly ReviewFinding[]> {
  const since = last === undefined ? Number.POSITIVE_INFINITY : Date.parse(last.generatedAt);
  const found: ReviewFinding[] = [];
  for (const agent of agents) {
    const grouping = new Grouping();
    const arrived = new Map<string, number>();
    const seen = await survey(ports, agent, prefix, ({ letter, delivery }) => {
      grouping.add(letter, delivery);
      if ((deadSince(letter) ?? 0) > since) arrived.set(letter.fingerprint, (arrived.get(letter.fingerprint) ?? 0) + 1);
    });
    const name = `${agent.namespace}/${agent.name}`;
    onSeen(name, seen);
    found.push({ agent: name, letters: seen.letters, unseen: seen.unseen, groups: grouping.groups(), arrived });
  }
  return found;
}
