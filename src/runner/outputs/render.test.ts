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
      dots: '..',
      pair: 'ada-example:4111111111111111',
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
  assert.deepEqual(headers, { 'content-type': 'application/json', 'ce-hop': '1' });
});

test('a request says that the event has come through one agent more, whatever header the agent sets', () => {
  const hopOf = (event: object, headers: HttpOutput['headers'] = []) =>
    renderRequest(outputProgram({ ...output, headers }), { ...scope, event: { ...scope.event, ...event } }).headers['ce-hop'];
  assert.equal(hopOf({ hop: 7 }), '8');
  for (const name of ['ce-hop', 'Ce-Hop']) assert.equal(hopOf({ hop: 7 }, [{ name, value: '0' }]), '8');
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
  [
    "the scheme's own port may be written out where it is allowed",
    { url: 'https://{{ event.data.host }}/x', allowedHosts: ['api.example.com:443'] },
    'https://api.example.com/x',
  ],
  ['and of http another one', { url: 'http://{{ event.data.host }}/x', allowedHosts: ['api.example.com:80'] }, 'http://api.example.com/x'],
];
for (const [name, change, want] of urls) {
  test(`URL of an output: ${name}`, () => assert.equal(render(change).url, want));
}

const forbidden: readonly (readonly [name: string, url: string, says: string])[] = [
  ['a host that is not allowed', '{{ event.data.evil }}', 'host evil.example is not among allowedHosts'],
  [
    'a host that only begins like an allowed one',
    'https://{{ event.data.host }}.evil.example/',
    'host api.example.com.evil.example is not among allowedHosts',
  ],
  ['another port', 'http://{{ event.data.host }}:8081/', 'host api.example.com:8081 is not among allowedHosts'],
  ['a user in front of the host', 'https://{{ event.data.host }}@evil.example/', 'the URL of host evil.example carries a user or password'],
  ['another scheme', 'ftp://{{ event.data.host }}/', 'the rendered URL is neither an https: nor an http: URL'],
  [
    'a value that looks like a scheme, which is not told',
    '{{ event.data.pair }}',
    'the rendered URL is neither an https: nor an http: URL',
  ],
  ['no URL at all', '{{ event.data.inner }}', 'the rendered URL is not an absolute URL'],
];
for (const [name, url, says] of forbidden) {
  test(`URL of an output: ${name} is refused, and the output named`, () =>
    assert.throws(
      () => render({ url, allowedHosts: ['api.example.com', 'evil.example:80'] }),
      (error) => error instanceof HostNotAllowed && error.message === `output out: url: ${says}`,
    ));
}

const missing = 'line 1, column 4: undefined variable event.data.missing; correct the name, or guard it with {% if %} or | default: ""';
const bad: readonly (readonly [name: string, change: Partial<HttpOutput>, says: string])[] = [
  [
    'a header that would end and begin another',
    { headers: [{ name: 'X-Title', value: '{{ event.data.line }}' }] },
    'header X-Title: the rendered value holds a line break or a character that a header cannot carry',
  ],
  [
    'a body that is no JSON although it says so',
    { bodyTemplate: '{"text": {{ output.text }} }' },
    'body: the rendered body is not JSON; write inserted values as {{ value | json }}',
  ],
  [
    'a variable in the URL that the event does not have',
    { url: 'https://h/{{ event.data.missing }}' },
    `url: ${missing.replace('4', '14')}`,
  ],
  ['one in a header', { headers: [{ name: 'X-A', value: '{{ event.data.missing }}' }] }, `header X-A: ${missing}`],
  ['one in the body', { bodyTemplate: '{{ event.data.missing | json }}' }, `body: ${missing}`],
  ['dots in a path', { url: 'https://h/{{ event.data.dots }}/b' }, 'url: the path of the rendered URL has a segment "." or ".."'],
  ['a URL that does not parse', { url: 'https://h/{{' }, 'url: line 1, column 11: output "{{" not closed'],
  ['a header that does not parse', { headers: [{ name: 'X-A', value: '{{' }] }, 'header X-A: line 1, column 1: output "{{" not closed'],
  ['a body that does not parse', { bodyTemplate: '{{' }, 'body: line 1, column 1: output "{{" not closed'],
];
for (const [name, change, says] of bad) {
  test(`request of an output: ${name} is a template error that says where and quotes no value`, () => {
    assert.throws(
      () => render(change),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'BadTemplate');
        assert.ok(error.message.startsWith(`output out: ${says}`), error.message);
        return !/say|Evil/.test(error.message);
      },
    );
  });
}
