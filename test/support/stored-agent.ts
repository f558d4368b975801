import type { StoredEventAgent } from '../../src/controller/event-agent/resource.ts';
import { type AgentFixture, eventAgent } from './agent.ts';

/** An EventAgent as the operator's cache has it. `age` in seconds: the greater, the older. */
export function storedAgent(fixture: AgentFixture = {}, metadata: Readonly<Record<string, unknown>> = {}, age = 0): StoredEventAgent {
  const agent = eventAgent(fixture);
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1) - age * 1000).toISOString().replace('.000Z', 'Z');
  return {
    ...agent,
    metadata: { ...agent.metadata, uid: `uid-${agent.metadata.name}`, generation: 1, resourceVersion: '1', creationTimestamp, ...metadata },
  };
}
