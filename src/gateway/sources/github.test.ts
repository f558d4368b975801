import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGitHub } from './github.ts';

const HEADERS = { 'content-type': 'application/json', 'x-github-event': 'issues', 'x-github-delivery': 'd-1' };
const read = (payload: unknown, headers: Readonly<Record<string, string>> = {}) =>
  readGitHub({ ...HEADERS, ...headers }, typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(JSON.stringify(payload)));

const sender = { html_url: 'https://ghe.example.com/alice' };
const sources: readonly [string, unknown, string][] = [
  [
    'the repository',
    { repository: { html_url: 'https://github.com/octo/hello' }, organization: { login: 'octo' } },
    'https://github.com/octo/hello',
  ],
  [
    'a repository on a server of its own',
    { repository: { html_url: 'https://ghe.example.com/octo/hello' } },
    'https://ghe.example.com/octo/hello',
  ],
  ['else the organization', { organization: { login: 'octo' } }, 'https://github.com/octo'],
  ["else the organization, on the sender's server", { organization: { login: 'octo' }, sender }, 'https://ghe.example.com/octo'],
  ['else the enterprise', { enterprise: { html_url: 'https://github.com/enterprises/big' } }, 'https://github.com/enterprises/big'],
  [
    'else the account of the installation',
    { installation: { account: { html_url: 'https://github.com/octocat' } } },
    'https://github.com/octocat',
  ],
  ['else GitHub as a whole', { action: 'published', repository: null, organization: null }, 'https://github.com'],
  ["else the sender's server as a whole", { sender }, 'https://ghe.example.com'],
  ['a URL with a line break is none', { repository: { html_url: 'https://github.com/a\r\nb' } }, 'https://github.com'],
  ['a URL of another scheme is none', { repository: { html_url: 'javascript:alert(1)' } }, 'https://github.com'],
  ['a URL beyond 1024 bytes is none', { repository: { html_url: `https://github.com/${'a'.repeat(1024)}` } }, 'https://github.com'],
  ['a URL that is no string is none', { repository: { html_url: 7 } }, 'https://github.com'],
  ['a login that is no name is none', { organization: { login: 'a b' } }, 'https://github.com'],
];

for (const [name, payload, source] of sources) {
  test(`source: ${name}`, () => {
    assert.deepEqual(read(payload), {
      kind: 'event',
      event: { id: 'd-1', source, type: 'github.issues', extensions: {}, hop: 0 },
      contentType: 'application/json',
    });
  });
}

const refusals: readonly [string, unknown, Readonly<Record<string, string>>, string, RegExp][] = [
  ['no event name', {}, { 'x-github-event': '' }, 'bad_event', /X-GitHub-Event/],
  ['an event name given twice, as Node joins it', {}, { 'x-github-event': 'push, issues' }, 'bad_event', /X-GitHub-Event/],
  ['an event name that is a topic pattern', {}, { 'x-github-event': '#' }, 'bad_event', /X-GitHub-Event/],
  ['no delivery id', {}, { 'x-github-delivery': '' }, 'bad_event', /X-GitHub-Delivery/],
  ['a delivery id of 129 characters', {}, { 'x-github-delivery': 'a'.repeat(129) }, 'bad_event', /X-GitHub-Delivery/],
  ['a delivery id with spaces', {}, { 'x-github-delivery': 'a, b' }, 'bad_event', /X-GitHub-Delivery/],
  ['a form', 'payload=%7B%7D', { 'content-type': 'application/x-www-form-urlencoded' }, 'content_type', /application\/json/],
  ['JSON that is an array', [], {}, 'not_json', /JSON object/],
  ['JSON that is null', 'null', {}, 'not_json', /JSON object/],
  ['a cut body', '{"a":', {}, 'not_json', /JSON object/],
  ['a byte order mark', '\ufeff{}', {}, 'not_json', /JSON object/],
];

for (const [name, payload, headers, reason, error] of refusals) {
  test(`refused: ${name}`, () => {
    const reading = read(payload, headers);
    assert.ok(reading.kind === 'refused');
    assert.equal(reading.reason, reason);
    assert.match(reading.error, error);
  });
}

test('bytes that are no UTF-8 are refused, not replaced', () => {
  const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  assert.deepEqual(readGitHub(HEADERS, body), { kind: 'refused', reason: 'not_json', error: 'the body is not a JSON object in UTF-8' });
});

test('parameters of the content type do not matter', () => {
  assert.equal(read({}, { 'content-type': 'Application/JSON; charset=utf-8' }).kind, 'event');
});
