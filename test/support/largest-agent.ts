import type { JsonObject } from '../../src/lib/json-object.ts';

const ref = { name: 'n'.repeat(253), key: 'k'.repeat(253) };

function many<T>(count: number, item: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => item(index));
}

/** `n00001…`, of a length. */
function named(index: number, length: number): string {
  return `n${index}`.padEnd(length, 'x');
}

function entries(count: number, value: string): Record<string, string> {
  return Object.fromEntries(many(count, (index) => [named(index, 128), value]));
}

/** An EventAgent with nothing but texts of the greatest length: system prompt and prompt, 96 KiB in ASCII. `char` makes them up. */
export function longestPrompts(char: string): Record<string, unknown> {
  return {
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'EventAgent',
    metadata: { name: 'longest' },
    spec: { agent: { model: 'm', apiKeySecretRef: { name: 'a', key: 'b' }, system: char.repeat(32_768), prompt: char.repeat(65_536) } },
  };
}

/**
 * A valid EventAgent with every list full and every text that a rule or a pattern looks at as long as may be: what costs the API server the most to validate. Texts that nothing looks
 * at are short, but for the prompts: all together would be more than a request may hold.
 */
export function largestAgent(): JsonObject {
  const { spec, ...rest } = longestPrompts('p');
  const queue = (index: number): JsonObject => {
    const name = 'é'.repeat(127);
    if (index < 4) return { exchange: { name, routingKeys: many(16, () => 'r'.repeat(255)) } };
    if (index < 8) return { exchange: { name, headers: { match: 'All', values: entries(16, 'v'.repeat(255)) } } };
    return { eventTypes: many(16, () => 'a.'.repeat(127).slice(0, -1)) };
  };
  const verification = { scheme: 'HMAC', header: 'h'.repeat(128), secretKeyRefs: many(4, () => ref) };
  const http = {
    url: `https://${'a'.repeat(2030)}/`,
    allowedHosts: many(16, () => `${'h'.repeat(253)}:65535`),
    headers: many(32, (index) => ({ name: named(index, 128), value: '' })),
    headersFrom: many(16, (index) => ({ name: named(index + 32, 128), secretKeyRef: ref })),
    contentType: `a/${'b'.repeat(126)}`,
  };
  return {
    ...rest,
    metadata: { name: 'l'.repeat(40) },
    spec: {
      agent: { ...(spec as { agent: object }).agent, baseUrl: `https://a/${'b'.repeat(2038)}` },
      triggers: many(16, (index) =>
        index < 4
          ? { name: named(index, 40), webhook: { path: `/${index}`.padEnd(200, 'p'), verification } }
          : { name: named(index, 40), queue: queue(index) },
      ),
      outputs: many(16, (index) => ({ name: named(index, 40), http })),
      podTemplate: {
        annotations: entries(32, ''),
        nodeSelector: entries(16, ''),
        tolerations: many(16, () => ({ key: 'k'.repeat(316), operator: 'Equal', value: 'v'.repeat(63) })),
        imagePullSecrets: many(8, (index) => ({ name: named(index, 253) })),
        env: many(32, (index) => ({ name: named(index, 128), secretKeyRef: ref })),
      },
    },
  };
}
