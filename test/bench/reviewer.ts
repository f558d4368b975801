import type { EventAgent } from '../../src/api/generated/event-agent.ts';
import { type AgentFixture, eventAgent } from '../support/agent.ts';

/** A budget that no benchmark spends. */
export const BUDGET = { perDay: { usd: '1000000', tokens: 1_000_000_000_000 } };

/** The sample's reviewer of pull requests, with its model and its outputs at a stub. */
export function reviewer(name: string, stubUrl: string, outputs: number, more: Pick<AgentFixture, 'budget'> = {}): EventAgent {
  return eventAgent({
    ...more,
    name,
    filter: 'event.type == "github.pull_request" && event.data.action == "opened"',
    prompt: 'PR: {{ event.data.pull_request.title }}\n{{ event.data.pull_request.body }}\nWrite a 3-point review checklist.\n',
    baseUrl: stubUrl,
    maxTokens: 1024,
    outputs: Array.from({ length: outputs }, (_, index) => ({
      name: `sink-${index}`,
      http: { url: `${stubUrl}/sink`, bodyTemplate: '{"body": {{ output.text | json }} }' },
    })),
  });
}
