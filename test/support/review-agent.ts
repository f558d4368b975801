import { STUB_KEY } from './claude-stub.ts';

/** What the reviewing agent of a test deviates in. */
export interface ReviewAgentOptions {
  readonly claudeUrl: string;
  readonly sinkUrl: string;
  readonly outputs?: readonly string[];
  readonly onUnknownResult?: 'Retry' | 'DeadLetter';
  readonly delivery?: object;
  readonly name?: string;
  readonly http?: object;
}

/** The secret of the agent's webhook. */
export const WEBHOOK_SECRET = 'webhook-secret';

/**
 * An agent that takes GitHub's deliveries and sends the model's text to a sink, and its Secrets. The prompt carries the event's id in the
 * marker by which the model stub's ledger knows it.
 */
export function reviewAgent(options: ReviewAgentOptions): readonly object[] {
  const { claudeUrl, sinkUrl, outputs = ['sink'], name = 'reviewer', onUnknownResult = 'Retry', delivery = {}, http = {} } = options;
  const secret = (secretName: string, values: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName, namespace: 'test' },
    stringData: values,
  });
  return [
    {
      apiVersion: 'eventagent.dev/v1alpha1',
      kind: 'EventAgent',
      metadata: { name, namespace: 'test' },
      spec: {
        triggers: [
          { name: 'github', webhook: { verification: { scheme: 'GitHub', secretKeyRefs: [{ name: 'webhook', key: 'secret' }] } } },
        ],
        agent: {
          model: 'claude-sonnet-5-5',
          apiKeySecretRef: { name: 'anthropic', key: 'api-key' },
          baseUrl: claudeUrl,
          prompt: '[[event:{{ event.id }}]] Review: {{ event.data.title }}',
          maxTokens: 256,
        },
        outputs: outputs.map((output) => ({
          name: output,
          http: {
            url: `${sinkUrl}/${output}`,
            bodyTemplate: '{"event": {{ event.id | json }}, "text": {{ output.text | json }} }',
            headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'sink', key: 'authorization' } }],
            onUnknownResult,
            ...http,
          },
        })),
        delivery,
      },
    },
    secret('webhook', { secret: WEBHOOK_SECRET }),
    secret('anthropic', { 'api-key': STUB_KEY }),
    secret('sink', { authorization: 'Bearer sink-token' }),
  ];
}
