/** A valid EventAgent that uses every field. */
export function fullAgent(): Record<string, unknown> {
  const ref = { name: 'keys', key: 'api-key' };
  return {
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'EventAgent',
    metadata: { name: 'full', namespace: 'default' },
    spec: {
      triggers: [
        {
          name: 'github',
          webhook: { path: '/full/github', maxBodyBytes: 4096, fanOut: true, verification: { scheme: 'GitHub', secretKeyRefs: [ref] } },
        },
        {
          name: 'hmac',
          webhook: { verification: { scheme: 'HMAC', header: 'X-Sign', secretKeyRefs: [ref, { name: 'older', key: 'k' }] } },
        },
        { name: 'open', webhook: { verification: { scheme: 'None' } } },
        { name: 'orders', queue: { exchange: { name: 'orders', routingKeys: ['order.*'] } } },
        { name: 'marked', queue: { exchange: { name: 'mail', headers: { match: 'All', values: { kind: 'invoice', lang: 'en' } } } } },
        { name: 'typed', queue: { eventTypes: ['github.*', 'com.example.#'] } },
      ],
      filter: 'event.type != ""',
      agent: {
        model: 'claude-sonnet-5-5',
        apiKeySecretRef: ref,
        baseUrl: 'https://models.example.com/v1',
        system: 'Be brief.',
        prompt: '{{ event.id }}',
        maxTokens: 100,
      },
      outputs: [
        {
          name: 'sink',
          http: {
            method: 'PUT',
            url: '{{ event.data.url }}',
            allowedHosts: ['api.example.com', 'localhost:8443', '[::1]:80'],
            headers: [{ name: 'X-One', value: '1' }],
            headersFrom: [{ name: 'Authorization', secretKeyRef: ref }],
            bodyTemplate: '{}',
            contentType: 'application/json; charset=utf-8',
            timeoutSeconds: 5,
            onUnknownResult: 'DeadLetter',
          },
        },
        { name: 'plain', http: { url: 'https://example.com' } },
      ],
      delivery: { maxAttempts: 2, retryDelaysSeconds: [1, 2], eventTtlSeconds: 60, runTimeoutSeconds: 10, concurrency: 1 },
      idempotency: { key: 'event.id', retentionSeconds: 86_400 },
      budget: {
        perEvent: { usd: '0.50', tokens: 1_000_000 },
        perDay: { usd: '25', tokens: 10_000_000 },
        perMonth: { usd: '250.5', tokens: 100_000_000 },
        timeZone: 'Europe/Berlin',
      },
      rateLimit: { events: { limit: 100, periodSeconds: 60 }, tokensPerMinute: 100_000 },
      checkpoints: { encryptionKeyRefs: [ref, { name: 'old-key', key: 'key' }] },
      deadLetters: { retentionDays: 30 },
      suspend: true,
      replicas: 3,
      brokerRef: 'other',
      connectionSecrets: { broker: 'rabbit', store: 'redis' },
      deletionPolicy: { queue: 'Retain', deadLetters: 'Delete' },
      podTemplate: {
        annotations: { 'example.com/team': 'platform' },
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '1Gi' } },
        nodeSelector: { 'kubernetes.io/arch': 'amd64' },
        tolerations: [{ key: 'spot', operator: 'Equal', value: 'yes', effect: 'NoExecute', tolerationSeconds: 60 }, { operator: 'Exists' }],
        imagePullSecrets: [{ name: 'registry' }],
        env: [
          { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
          { name: 'TOKEN', secretKeyRef: ref },
        ],
      },
    },
  };
}
