import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentFixture, eventAgent } from '../../test/support/agent.ts';
import { warningsFor } from './warnings.ts';

const github = { name: 'github', webhook: { verification: { scheme: 'GitHub', secretKeyRefs: [{ name: 's', key: 'k' }] } } };
const comment = { name: 'comment', http: { url: '{{ event.data.issue.comments_url }}', allowedHosts: ['api.github.com'] } };

const bodies: readonly (readonly [name: string, body: string, warned: boolean, contentType?: string])[] = [
  ['a value inside quotes', '{"text": "{{ output.text }}"}', true],
  [
    'a value inside quotes, among others',
    '{"a": "x \\" y", "text": "he says: {{ event.data.title }}!", "b": {{ output.text | json }} }',
    true,
  ],
  ['a value inside quotes, and json with it', '{"text": "{{ output.text | json }}"}', true],
  ['a value inside quotes that is only upper case', '{"text": "{{ output.text | upcase }}"}', true],
  ['a value inside quotes of a branch', '{% if event.data.a %}{"text": "{{ event.data.a }}"}{% else %}{}{% endif %}', true],
  ['a value inside quotes of a body that is no JSON', 'he said "{{ output.text }}"', false, 'text/plain'],
  ['values that are written as JSON', '{"text": {{ output.text | json }}, "b": {{ event.data.b | default: "x" | json }} }', false],
  ['names of the agent, which hold no quotes', '{"by": "{{ agent.namespace }}/{{ agent.name }}"}', false],
  ['values inside quotes that are encoded', '{"a": "{{ output.text | base64_encode }}", "b": "{{ event.id | url_encode }}"}', false],
  ['a quote that is part of a text', '{"a": "\\"", "text": {{ output.text | json }} }', false],
  ['a raw part', '{"a": "{% raw %}{{ no value }}{% endraw %}"}', false],
];

const cases: readonly (readonly [name: string, fixture: AgentFixture, want: readonly string[]])[] = [
  ['a plain agent is fine', {}, []],
  ['a budget with room for an answer is fine', { maxTokens: 300, budget: { perDay: { tokens: 300 } } }, []],
  ['a budget of tokens without room for an answer', { maxTokens: 300, budget: { perEvent: { tokens: 299 } } }, ['spec.budget.perEvent']],
  [
    'a budget of money without room for an answer',
    { maxTokens: 300, budget: { perDay: { usd: '0.000001' }, perMonth: { usd: '5' } } },
    ['spec.budget.perDay'],
  ],
  [
    'what an event may cost up to what a day may is fine',
    { budget: { perEvent: { usd: '1', tokens: 9000 }, perDay: { usd: '1.0', tokens: 9000 }, perMonth: { usd: '5' } } },
    [],
  ],
  [
    'an event that may cost more than a day, and use more than a month',
    { budget: { perEvent: { usd: '1.01', tokens: 9001 }, perDay: { usd: '1' }, perMonth: { tokens: 9000 } } },
    ['spec.budget.perEvent.usd', 'spec.budget.perEvent.tokens'],
  ],
  ['tokens a minute for a whole answer are fine', { maxTokens: 300, rateLimit: { tokensPerMinute: 300 } }, []],
  [
    'tokens a minute that an answer can be above',
    { maxTokens: 301, rateLimit: { tokensPerMinute: 300 } },
    ['spec.rateLimit.tokensPerMinute'],
  ],
  ['runs of 1500 s are fine', { delivery: { runTimeoutSeconds: 1500 } }, []],
  ['longer runs need more of the broker', { delivery: { runTimeoutSeconds: 1501 } }, ['spec.delivery.runTimeoutSeconds']],
  ['an agent that comments on every event answers itself', { triggers: [github], outputs: [comment] }, ['spec.filter']],
  [
    'so does one whose filter takes comments',
    { triggers: [github], outputs: [comment], filter: 'event.type.startsWith("github.issue")' },
    ['spec.filter'],
  ],
  [
    'one that wants opened pull requests does not',
    { triggers: [github], outputs: [comment], filter: 'event.type == "github.pull_request" && event.data.action == "opened"' },
    [],
  ],
  [
    'one that writes elsewhere does not',
    { triggers: [github], outputs: [{ name: 'chat', http: { url: 'https://chat.example.com/x' } }] },
    [],
  ],
  ['one fed from elsewhere does not', { outputs: [comment] }, []],
  [
    'a literal URL counts as well',
    { triggers: [github], outputs: [{ name: 'c', http: { url: 'https://api.github.com/x' } }] },
    ['spec.filter'],
  ],
  [
    'retries that outlast the TTL',
    { delivery: { maxAttempts: 4, retryDelaysSeconds: [10, 600], eventTtlSeconds: 600 } },
    ['spec.delivery.retryDelaysSeconds'],
  ],
  ['retries that just fit', { delivery: { maxAttempts: 3, retryDelaysSeconds: [10, 590], eventTtlSeconds: 600 } }, []],
  [
    'a webhook that anybody can call',
    { triggers: [{ name: 'open', webhook: { verification: { scheme: 'None' } } }] },
    ['spec.triggers[0].webhook.verification.scheme'],
  ],
  ...bodies.map(([name, bodyTemplate, warned, contentType]): (typeof cases)[number] => [
    name,
    { outputs: [{ name: 'o', http: { url: 'https://a.example', bodyTemplate, ...(contentType === undefined ? {} : { contentType }) } }] },
    warned ? ['spec.outputs[0].http.bodyTemplate'] : [],
  ]),
  ['a model without a price', { model: 'gpt-17' }, ['spec.agent.model']],
];

for (const [name, fixture, want] of cases) {
  test(`legal and unwise: ${name}`, () => {
    const paths = warningsFor(eventAgent(fixture), (model) => model.startsWith('claude-')).map(({ path }) => path);
    assert.deepEqual(paths, want);
  });
}
