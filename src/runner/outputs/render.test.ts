import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpOutput } from '../../api/configuration.ts';
import { HostNotAllowed } from './hosts.ts';
import { outputProgram, renderRequest } from './render.ts';

const output: HttpOutput = {
  name: 'out',
  method: 'POST',
  url: 'https://hooks.example.com/a',
  allowedHosts: [],
  headers: [],
  headersFrom: [],
  contentType: 'application/json',
  timeoutMs: 1000,
  onUnknownResult: 'Retry',
};
const scope = {
  agent: { namespace: 'test', name: 'agent' },
  event: {
    id: 'e-1',
    source: '/s',
    type: 't',
    extensions: {},
    hop: 0,
    data: {
      host: 'api.example.com',
      url: 'https://api.example.com/x?y=1',
      evil: 'https://evil.example/',
      path: '../admin?x=1#y',
      inner: 'a b',
      line: 'a\r\nX-Evil: 1',
    },
  },
  output: { text: 'say "hi"\n', model: 'm' },
};
const render = (change: Partial<HttpOutput>) => renderRequest(outputProgram({ ...output, ...change }), scope);

test('without a template the body is JSON with the agent, the event and the text', () => {
  const { body, headers } = render({});
  assert.deepEqual(JSON.parse(body), {
    agent: 'test.agent',
    event: { id: 'e-1', source: '/s', type: 't' },
    model: 'm',
    text: 'say "hi"\n',
  });
  assert.deepEqual(headers, { 'content-type': 'application/json' });
});

const urls: readonly (readonly [name: string, change: Partial<HttpOutput>, want: string])[] = [
  ['a written URL goes where it says', {}, 'https://hooks.example.com/a'],
  [
    'a value after a written origin is one path segment',
    { url: 'https://hooks.example.com/{{ event.data.inner }}/x' },
    'https://hooks.example.com/a%20b/x',
  ],
  [
    'a value in a query is one value',
    { url: 'https://hooks.example.com/?q={{ event.data.path }}' },
    'https://hooks.example.com/?q=..%2Fadmin%3Fx%3D1%23y',
  ],
  [
    'a whole URL from the event is inserted as it is',
    { url: '{{ event.data.url }}', allowedHosts: ['api.example.com'] },
    'https://api.example.com/x?y=1',
  ],
  ['a host from the event', { url: 'https://{{ event.data.host }}/x', allowedHosts: ['api.example.com'] }, 'https://api.example.com/x'],
  [
    'a port of its own has to be allowed with it',
    { url: 'http://{{ event.data.host }}:8080/x', allowedHosts: ['api.example.com:8080'] },
    'http://api.example.com:8080/x',
  ],
];
for (const [name, change, want] of urls) {
  test(`URL of an output: ${name}`, () => assert.equal(render(change).url, want));
}

const forbidden: readonly (readonly [name: string, change: Partial<HttpOutput>])[] = [
  ['a host that is not allowed', { url: '{{ event.data.evil }}', allowedHosts: ['api.example.com'] }],
  [
    'a host that only begins like an allowed one',
    { url: 'https://{{ event.data.host }}.evil.example/', allowedHosts: ['api.example.com'] },
  ],
  ['another port', { url: 'http://{{ event.data.host }}:8081/', allowedHosts: ['api.example.com'] }],
  ['a user in front of the host', { url: 'https://{{ event.data.host }}@evil.example/', allowedHosts: ['api.example.com'] }],
  ['another scheme', { url: 'ftp://{{ event.data.host }}/', allowedHosts: ['api.example.com'] }],
  ['no URL at all', { url: '{{ event.data.inner }}', allowedHosts: ['api.example.com'] }],
];
for (const [name, change] of forbidden) {
  test(`URL of an output: ${name} is refused`, () => assert.throws(() => render(change), HostNotAllowed));
}

const bad: readonly (readonly [name: string, change: Partial<HttpOutput>])[] = [
  ['a header that would end and begin another', { headers: [{ name: 'X-Title', value: '{{ event.data.line }}' }] }],
  ['a body that is no JSON although it says so', { bodyTemplate: '{"text": {{ output.text }} }' }],
  ['a variable that the event does not have', { bodyTemplate: '{"text": {{ event.data.nothing | json }} }' }],
];
for (const [name, change] of bad) {
  test(`request of an output: ${name} is a template error that quotes no value`, () => {
    assert.throws(
      () => render(change),
      (error: Error & { code?: string }) => error.code === 'BadTemplate' && !/say|Evil/.test(error.message),
    );
  });
}
