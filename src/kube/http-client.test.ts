import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { createGate } from '../../test/support/gate.ts';
import { createManualClock, type ManualClock } from '../../test/support/manual-clock.ts';
import {
  type ApiScript,
  answerJson,
  type ScriptedApiServer,
  startScriptedApiServer,
  statusOf,
} from '../../test/support/scripted-api-server.ts';
import { InputError } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import type { KubeClient, WatchEvent, WatchOptions } from './client.ts';
import { createKubeClient } from './http-client.ts';
import { type KubeObject, resources } from './resources.ts';

const { signal } = new AbortController();
const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'a', name: 'b' }, data: { key: 'SECRET' } };

interface World {
  readonly server: ScriptedApiServer;
  readonly client: KubeClient;
  readonly clock: ManualClock;
}

async function world(t: TestContext, script: ApiScript, options: { readonly tls?: boolean } = {}): Promise<World> {
  const server = await startScriptedApiServer(script, options);
  const clock = createManualClock();
  const client = createKubeClient({ access: server.access, clock });
  t.after(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, client, clock };
}

const ok: ApiScript = (_, response) => answerJson(response, 200, object);

for (const [what, call, expected] of [
  [
    'get',
    (client: KubeClient) => client.get(resources.configMaps, 'a', 'b', signal),
    { method: 'GET', path: '/api/v1/namespaces/a/configmaps/b', query: {} },
  ],
  [
    'apply',
    (client: KubeClient) => client.apply(resources.configMaps, object, { fieldManager: 'eventagent' }, signal),
    {
      method: 'PATCH',
      path: '/api/v1/namespaces/a/configmaps/b',
      query: { fieldManager: 'eventagent', force: 'true' },
      type: 'application/apply-patch+yaml',
      body: object,
    },
  ],
  [
    'try to apply a status',
    (client: KubeClient) => client.apply(resources.configMaps, object, { fieldManager: 'x', subresource: 'status', dryRun: true }, signal),
    {
      method: 'PATCH',
      path: '/api/v1/namespaces/a/configmaps/b/status',
      query: { fieldManager: 'x', force: 'true', dryRun: 'All' },
      type: 'application/apply-patch+yaml',
      body: object,
    },
  ],
  [
    'create',
    (client: KubeClient) => client.create(resources.configMaps, object, signal),
    { method: 'POST', path: '/api/v1/namespaces/a/configmaps', query: {}, type: 'application/json', body: object },
  ],
  [
    'replace',
    (client: KubeClient) => client.replace(resources.configMaps, object, {}, signal),
    { method: 'PUT', path: '/api/v1/namespaces/a/configmaps/b', query: {}, type: 'application/json', body: object },
  ],
  [
    'patch',
    (client: KubeClient) => client.mergePatch(resources.configMaps, 'a', 'b', { data: null }, {}, signal),
    { method: 'PATCH', path: '/api/v1/namespaces/a/configmaps/b', query: {}, type: 'application/merge-patch+json', body: { data: null } },
  ],
  [
    'delete',
    (client: KubeClient) => client.delete(resources.configMaps, 'a', 'b', { uid: 'u', propagationPolicy: 'Foreground' }, signal),
    {
      method: 'DELETE',
      path: '/api/v1/namespaces/a/configmaps/b',
      query: {},
      type: 'application/json',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u' }, propagationPolicy: 'Foreground' },
    },
  ],
] as const) {
  test(`how to ${what}`, async (t) => {
    const { server, client, clock } = await world(t, ok);
    const result = await call(client);
    assert.equal(clock.pending(), 0);
    assert.deepEqual(result, what === 'delete' ? undefined : object);
    const [request, ...others] = server.requests;
    assert.equal(others.length, 0);
    const { headers, ...seen } = request ?? assert.fail();
    const { type, ...rest } = { type: undefined, body: undefined, ...expected };
    assert.deepEqual(seen, rest);
    assert.equal(headers['content-type'], type);
    assert.equal(headers.authorization, 'Bearer secret-token');
    assert.equal(headers['user-agent'], `eventagent/${version}`);
  });
}

test('a list is read page by page, and its items say what they are', async (t) => {
  const pages = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMapList',
      metadata: { resourceVersion: '7', continue: 'next/1' },
      items: [{ metadata: { name: 'x' } }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMapList',
      metadata: { resourceVersion: '7' },
      items: [{ kind: 'K', apiVersion: 'g/v', metadata: { name: 'y' } }],
    },
  ];
  const { server, client } = await world(t, (_, response) => answerJson(response, 200, pages.shift()));
  const options = { namespace: 'a', labelSelector: 'a=b', fieldSelector: 'metadata.name=x', pageSize: 2 };
  assert.deepEqual(await client.list(resources.configMaps, options, signal), {
    items: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } },
      { kind: 'K', apiVersion: 'g/v', metadata: { name: 'y' } },
    ],
    resourceVersion: '7',
  });
  const selection = { labelSelector: 'a=b', fieldSelector: 'metadata.name=x' };
  assert.deepEqual(
    server.requests.map(({ path, query }) => [path, query]),
    [
      ['/api/v1/namespaces/a/configmaps', { ...selection, limit: '2' }],
      ['/api/v1/namespaces/a/configmaps', { ...selection, limit: '2', continue: 'next/1' }],
    ],
  );
});

test('a list whose moment has passed between two pages is read at once', async (t) => {
  const { server, client } = await world(t, ({ query }, response) => {
    if (query.continue !== undefined) answerJson(response, 410, statusOf(410, 'Expired', 'too old'));
    else
      answerJson(response, 200, {
        apiVersion: 'v1',
        items: [{ metadata: { name: 'x' } }],
        metadata: { resourceVersion: '8', ...(query.limit === '0' ? {} : { continue: 'c' }) },
      });
  });
  const { items, resourceVersion } = await client.list(resources.pods, {}, signal);
  assert.deepEqual([items.length, resourceVersion], [1, '8']);
  assert.deepEqual(
    server.requests.map(({ query }) => query.limit),
    ['500', '500', '0'],
  );
});

test('an empty list may have no items', async (t) => {
  const { client } = await world(t, (_, response) => answerJson(response, 200, { metadata: { resourceVersion: '1' }, items: null }));
  assert.deepEqual(await client.list(resources.pods, {}, signal), { items: [], resourceVersion: '1' });
});

test('an object that is not there is undefined, and deleted; a kind that is not there is neither', async (t) => {
  const { server, client } = await world(t, (_, response) => answerJson(response, 404, statusOf(404, 'NotFound', 'no b', { name: 'b' })));
  assert.equal(await client.get(resources.pods, 'a', 'b', signal), undefined);
  await client.delete(resources.pods, 'a', 'b', {}, signal);
  await assert.rejects(client.mergePatch(resources.pods, 'a', 'b', {}, {}, signal), { code: 'NotFound' });
  server.script((_, response) => answerJson(response, 404, statusOf(404, 'NotFound', 'the server could not find the requested resource')));
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'NotFound' });
  server.script((_, response) => response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n'));
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'NotFound' });
  await assert.rejects(client.delete(resources.pods, 'a', 'b', {}, signal), { code: 'NotFound' });
});

test('a refusal says what was being done', async (t) => {
  const { server, client } = await world(t, (_, response) =>
    answerJson(response, 409, statusOf(409, 'Conflict', 'the object has been modified'), { 'retry-after': '3' }),
  );
  await assert.rejects(client.replace(resources.configMaps, object, {}, signal), {
    name: 'KubeError',
    code: 'Conflict',
    status: 409,
    reason: 'Conflict',
    retryAfterMs: 3_000,
    message: 'replacing ConfigMap a/b: the object has been modified',
  });
  assert.equal(server.refusals(), 0);
});

test('credentials that are refused are looked at anew', async (t) => {
  const { server, client } = await world(t, (_, response) => answerJson(response, 401, statusOf(401, 'Unauthorized', 'Unauthorized')));
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'Unauthorized' });
  assert.equal(server.refusals(), 1);
});

test('no error repeats a body', async (t) => {
  for (const [status, body] of [
    [200, '{"data": "SECRET'],
    [502, '<html>SECRET</html>'],
    [403, '{"data": "SECRET"}'],
  ] as const) {
    const { client } = await world(t, (_, response) => response.writeHead(status).end(body));
    const error: unknown = await client
      .apply(resources.configMaps, object, { fieldManager: 'x' }, signal)
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof Error);
    assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)} ${error.cause}`, /SECRET/);
  }
});

test('credentials that cannot be had are Unauthorized', async (t) => {
  const { server, clock } = await world(t, ok);
  const access = { ...server.access, credentials: () => Promise.reject(new InputError('FileUnreadable', 'no token')) };
  const client = createKubeClient({ access, clock });
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'Unauthorized', message: 'getting Pod a/b: no token' });
  assert.equal(server.requests.length, 0);
});

test('a server that is not there is Unreachable', async () => {
  const server = await startScriptedApiServer(ok);
  await server[Symbol.asyncDispose]();
  const client = createKubeClient({ access: server.access, clock: createManualClock() });
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'Unreachable', status: undefined, message: /ECONNREFUSED/ });
  await client.close();
});

test('an answer that is cut off is Unreachable', async (t) => {
  const { client } = await world(t, (_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{}');
    setImmediate(() => response.destroy());
  });
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'Unreachable' });
});

for (const [what, script] of [
  ['nothing', () => {}],
  ['half an answer', (_, response) => void response.writeHead(200).write('{"a"')],
] as const satisfies readonly (readonly [string, ApiScript])[]) {
  test(`a call that gets ${what} is given up after 30 s, or with its signal`, async (t) => {
    const arrived = createGate();
    const { client, clock } = await world(t, (request, response) => {
      script(request, response);
      arrived.open();
    });
    const controller = new AbortController();
    const calls = [signal, controller.signal].map((each) => client.get(resources.pods, 'a', 'b', each).catch((error: unknown) => error));
    await arrived.opened;
    controller.abort(new Error('enough'));
    assert.deepEqual(await calls[1], new Error('enough'));
    clock.advance(29_999);
    clock.advance(1);
    const error = (await calls[0]) as { code: string; message: string };
    assert.deepEqual([error.code, error.message], ['Unreachable', 'getting Pod a/b: nothing came from the API server within 30 s']);
    assert.equal(clock.pending(), 0);
  });
}

test('a signal that is aborted already sends nothing', async (t) => {
  const { server, client } = await world(t, ok);
  await assert.rejects(client.get(resources.pods, 'a', 'b', AbortSignal.abort(new Error('no'))), new Error('no'));
  assert.equal(server.requests.length, 0);
});

test('credentials that take too long are given up as well', async (t) => {
  const { server, clock } = await world(t, ok);
  const client = createKubeClient({ access: { ...server.access, credentials: () => new Promise(() => {}) }, clock });
  const call = client.get(resources.pods, 'a', 'b', signal).catch((error: unknown) => error);
  clock.advance(30_000);
  assert.equal(((await call) as { code: string }).code, 'Unreachable');
});

/** The log of a container whose answer the test writes; `read` are its lines. */
async function logging(t: TestContext, onLine: (line: string) => Promise<void> | void = () => {}) {
  const open = Promise.withResolvers<ServerResponse>();
  const w = await world(t, (_, response) => open.resolve(response));
  const read: string[] = [];
  const controller = new AbortController();
  const log = w.client
    .log(
      { namespace: 'a', pod: 'p', container: 'c' },
      (line) => {
        read.push(line);
        return onLine(line);
      },
      controller.signal,
    )
    .then(
      () => 'ended',
      ({ code, message }: { readonly code?: string; readonly message: string }) => [code, message],
    );
  return { ...w, read, log, controller, response: await open.promise };
}

test('a log is read line by line, whatever the pieces it comes in, until the server ends it', async (t) => {
  const { server, read, log, response, clock } = await logging(t);
  const [bytes, cut] = [Buffer.from('first\nsecond ü\nthird\ncut off'), 'first\nsecond '.length + 1];
  response.writeHead(200).write(bytes.subarray(0, cut));
  await new Promise((resolve) => setImmediate(resolve));
  response.end(bytes.subarray(cut));
  assert.equal(await log, 'ended');
  assert.deepEqual(read, ['first', 'second ü', 'third']);
  assert.equal(clock.pending(), 0);
  const { path, query } = server.requests[0] ?? assert.fail();
  assert.deepEqual([path, query], ['/api/v1/namespaces/a/pods/p/log', { container: 'c', follow: 'true' }]);
});

test('a log is read no faster than its lines are taken', async (t) => {
  const taken = createGate();
  const { read, log, response } = await logging(t, () => taken.opened);
  response.writeHead(200).end('first\nsecond\n');
  while (read.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(read, ['first']);
  taken.open();
  assert.equal(await log, 'ended');
  assert.deepEqual(read, ['first', 'second']);
});

test('a log ends with what its reader throws, with its signal, with a refusal, and where it is cut off', async (t) => {
  const stopped = await logging(t, () => {
    throw new Error('enough');
  });
  stopped.response.writeHead(200).write('first\nsecond\n');
  assert.deepEqual([await stopped.log, stopped.read], [[undefined, 'enough'], ['first']]);

  const aborted = await logging(t);
  aborted.response.writeHead(200).write('first\n');
  aborted.controller.abort(new Error('no more'));
  assert.deepEqual(await aborted.log, [undefined, 'no more']);

  const refused = await logging(t);
  answerJson(refused.response, 403, statusOf(403, 'Forbidden', 'pods "p" is forbidden'));
  assert.deepEqual(await refused.log, ['Forbidden', 'reading the log of Pod a/p: pods "p" is forbidden']);

  const cut = await logging(t);
  cut.response.writeHead(200).write('first\n');
  while (cut.read.length === 0) await new Promise((resolve) => setImmediate(resolve));
  cut.response.destroy();
  assert.match(String(await cut.log), /^Unreachable,reading the log of Pod a\/p: no answer/);
});

test('a log may be silent for long once it has begun, and not before', async (t) => {
  const silent = await logging(t);
  silent.clock.advance(30_000);
  assert.deepEqual(await silent.log, ['Unreachable', 'reading the log of Pod a/p: nothing came from the API server within 30 s']);

  const begun = await logging(t);
  begun.response.writeHead(200).write('first\n');
  while (begun.read.length === 0) await new Promise((resolve) => setImmediate(resolve));
  begun.clock.advance(3_600_000);
  begun.response.end('second\n');
  assert.equal(await begun.log, 'ended');
  assert.deepEqual(begun.read, ['first', 'second']);
});

/** A watch on pods whose answer the test writes. */
async function watching(t: TestContext, options: Partial<WatchOptions> = {}) {
  const open = Promise.withResolvers<ServerResponse>();
  const w = await world(t, (_, response) => open.resolve(response.writeHead(200)));
  const events: WatchEvent[] = [];
  const controller = new AbortController();
  const opened = createGate();
  const watch = w.client.watch(
    resources.pods,
    { resourceVersion: '5', timeoutSeconds: 250, onOpen: opened.open, ...options },
    (event) => events.push(event),
    controller.signal,
  );
  const ending = watch.catch((error: unknown) => error);
  const response = await open.promise;
  response.flushHeaders();
  await opened.opened;
  return { ...w, response, events, ending, controller };
}

const event = (type: string, name: string, resourceVersion: string) => ({
  type,
  object: { kind: 'Pod', metadata: { name, resourceVersion } },
});

test('a watch tells what comes, in its order, and ends when the server ends it', async (t) => {
  const { server, response, events, ending, clock } = await watching(t, { namespace: 'a', labelSelector: 'x=y' });
  const told = [event('ADDED', 'p', '6'), event('MODIFIED', 'p', '7'), event('BOOKMARK', '', '8'), event('DELETED', 'p', '9')];
  response.end(told.map((each) => `${JSON.stringify(each)}\n`).join(''));
  assert.equal(await ending, undefined);
  assert.deepEqual(events, told);
  assert.deepEqual(server.requests[0]?.path, '/api/v1/namespaces/a/pods');
  assert.deepEqual(server.requests[0]?.query, {
    watch: 'true',
    allowWatchBookmarks: 'true',
    labelSelector: 'x=y',
    resourceVersion: '5',
    timeoutSeconds: '250',
  });
  assert.equal(clock.pending(), 0);
});

test('a watch whose history is gone is Gone', async (t) => {
  const { response, events, ending } = await watching(t);
  response.write(
    `${JSON.stringify(event('ADDED', 'p', '6'))}\n${JSON.stringify({ type: 'ERROR', object: statusOf(410, 'Expired', 'too old resource version') })}\n`,
  );
  const error = (await ending) as { code: string; message: string };
  assert.deepEqual([error.code, error.message, events.length], ['Gone', 'watching pods: too old resource version', 1]);
});

test('an event that nobody knows is an error', async (t) => {
  const { response, ending } = await watching(t);
  response.write('{"type":"SURPRISE","object":{}}\n');
  assert.equal(((await ending) as { code: string }).code, 'Failed');
});

for (const [what, text] of [
  ['in the middle of an event', '{"type":"ADDED","obj'],
  ['by something that is no JSON', 'upstream error\n'],
] as const) {
  test(`a watch that ends ${what} has failed`, async (t) => {
    const { response, ending, events } = await watching(t);
    response.end(text);
    assert.match(((await ending) as { code: string }).code, /Unreachable|Failed/);
    assert.deepEqual(events, []);
  });
}

test('a watch whose connection breaks is Unreachable', async (t) => {
  const { response, ending } = await watching(t);
  response.destroy();
  assert.equal(((await ending) as { code: string }).code, 'Unreachable');
});

test('a watch may last for ever, but not be silent for 90 s', async (t) => {
  const { response, events, ending, clock } = await watching(t);
  let heard = 0;
  for (; heard < 5; heard++) {
    clock.advance(89_999);
    response.write(`${JSON.stringify(event('BOOKMARK', '', String(heard)))}\n`);
    while (events.length === heard) await new Promise((resolve) => setImmediate(resolve));
  }
  clock.advance(89_999);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(1);
  const error = (await ending) as { code: string; message: string };
  assert.deepEqual([error.code, error.message], ['Unreachable', 'watching pods: nothing came from the API server within 90 s']);
  assert.equal(clock.pending(), 0);
});

test('a watch that is not answered is given up after 30 s', async (t) => {
  const arrived = createGate();
  const { client, clock } = await world(t, () => arrived.open());
  const watch = client
    .watch(resources.pods, { resourceVersion: '5', timeoutSeconds: 250 }, () => {}, signal)
    .catch((error: unknown) => error);
  await arrived.opened;
  clock.advance(30_000);
  assert.equal(((await watch) as { code: string }).code, 'Unreachable');
});

test('a watch that is refused says why', async (t) => {
  const { client } = await world(t, (_, response) => answerJson(response, 403, statusOf(403, 'Forbidden', 'pods is forbidden')));
  const watch = client.watch(resources.pods, { resourceVersion: '5', timeoutSeconds: 250 }, () => {}, signal);
  await assert.rejects(watch, { code: 'Forbidden', message: 'watching pods: pods is forbidden' });
});

test('a watch ends with its signal, and its connection with it', async (t) => {
  const { response, ending, controller, clock } = await watching(t);
  const closed = createGate();
  response.once('close', closed.open);
  controller.abort(new Error('enough'));
  assert.deepEqual(await ending, new Error('enough'));
  await closed.opened;
  assert.equal(clock.pending(), 0);
});

test('what the listener throws ends the watch', async (t) => {
  const { client } = await world(t, (_, response) => void response.writeHead(200).write(`${JSON.stringify(event('ADDED', 'p', '6'))}\n`));
  const watch = client.watch(
    resources.pods,
    { resourceVersion: '5', timeoutSeconds: 250 },
    () => {
      throw new Error('a listener failed');
    },
    signal,
  );
  await assert.rejects(watch, new Error('a listener failed'));
});

// HTTP/1.1 may take a second one, where a call comes before the last one's connection is found to be free.
test('a connection serves many calls', async (t) => {
  const { server, client } = await world(t, ok, { tls: true });
  for (let i = 0; i < 50; i++) await client.get(resources.pods, 'a', 'b', signal);
  assert.ok(server.connections() <= 2, `${server.connections()} connections`);
});

test('another authority means other connections; a watch on the old ones goes on', async (t) => {
  const open = Promise.withResolvers<ServerResponse>();
  const { server, client } = await world(
    t,
    ({ query }, response) => (query.watch ? open.resolve(response.writeHead(200)) : answerJson(response, 200, object)),
    { tls: true },
  );
  const events: WatchEvent[] = [];
  const watch = client.watch(resources.pods, { resourceVersion: '5', timeoutSeconds: 250 }, (each) => events.push(each), signal);
  const response = await open.promise;
  response.flushHeaders();
  await client.get(resources.pods, 'a', 'b', signal);
  const before = server.connections();
  const { ca } = (await server.access.credentials()).tls;
  server.trust({ ca: `${ca}\n` });
  await client.get(resources.pods, 'a', 'b', signal);
  await client.get(resources.pods, 'a', 'b', signal);
  assert.ok(server.connections() > before);
  response.end(`${JSON.stringify(event('ADDED', 'p', '6'))}\n`);
  await watch;
  assert.equal(events.length, 1);
});

test('a server that cannot be verified is Unreachable, and told nothing', async (t) => {
  const { server, client } = await world(t, ok, { tls: true });
  server.trust({});
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'Unreachable', message: /self-signed certificate/ });
  assert.equal(server.requests.length, 0);
  server.trust({ insecure: true });
  assert.notEqual(await client.get(resources.pods, 'a', 'b', signal), undefined);
});

test('closing ends what is under way', async (t) => {
  const { server, client, ending } = await watching(t);
  await client.close();
  assert.equal(((await ending) as { code: string }).code, 'Unreachable');
  await assert.rejects(client.get(resources.pods, 'a', 'b', signal), { code: 'Unreachable', message: /this client is closed$/ });
  assert.equal(server.requests.length, 1);
});

test('a server below a path of a gateway', async (t) => {
  const { server, clock } = await world(t, ok);
  const client = createKubeClient({ access: { ...server.access, server: `${server.access.server}/k8s/clusters/c-1` }, clock });
  await client.get(resources.pods, 'a', 'b', signal);
  assert.equal(server.requests[0]?.path, '/k8s/clusters/c-1/api/v1/namespaces/a/pods/b');
  await client.close();
});
