import type { EventAgent } from '../../src/api/generated/event-agent.ts';
import { verdictOn } from '../../src/manifest/crd-verdict.ts';
import { readEventAgentSchema } from '../../src/manifest/schema.ts';

/** What a test's agent deviates in from a plain one. */
export interface AgentFixture {
  readonly name?: string;
  readonly namespace?: string;
  readonly triggers?: readonly object[];
  readonly filter?: string;
  readonly prompt?: string;
  readonly system?: string;
  readonly model?: string;
  readonly baseUrl?: string;
  readonly maxTokens?: number;
  readonly outputs?: readonly object[];
  readonly delivery?: object;
  readonly idempotency?: object;
  readonly budget?: object;
  readonly rateLimit?: object;
  readonly deadLetters?: object;
  readonly checkpoints?: object;
  readonly suspend?: boolean;
  readonly replicas?: number;
  readonly brokerRef?: string;
  readonly connectionSecrets?: object;
  readonly deletionPolicy?: object;
  readonly podTemplate?: object;
}

const schema = readEventAgentSchema();

/** An EventAgent as the API server would give it back: checked, and with the CRD's own defaults. */
export function eventAgent(fixture: AgentFixture = {}): EventAgent {
  const {
    name = 'agent',
    namespace = 'test',
    prompt = 'Say something.',
    model = 'claude-sonnet-5-5',
    baseUrl,
    system,
    maxTokens,
    ...spec
  } = fixture;
  const value = {
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'EventAgent',
    metadata: { name, namespace },
    spec: {
      ...spec,
      agent: {
        model,
        apiKeySecretRef: { name: 'anthropic', key: 'api-key' },
        prompt,
        ...(system === undefined ? {} : { system }),
        ...(baseUrl === undefined ? {} : { baseUrl }),
        ...(maxTokens === undefined ? {} : { maxTokens }),
      },
    },
  };
  const verdict = verdictOn({ value, lineOf: () => 1 }, schema);
  if (!verdict.valid) throw new Error(`the fixture is not a valid EventAgent: ${JSON.stringify(verdict.findings)}`);
  return verdict.agent;
}
