import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createGate } from './gate.ts';
import { type HttpSink, readJournal, startHttpSink } from './http-sink.ts';

let sink: HttpSink;

beforeEach(async () => {
  sink = await startHttpSink();
});

afterEach(() => sink.close());

function send(key: string | undefined, body = '{"a":1}', url = sink.url) {
  return fetch(`${url}/comments`, { method: 'POST', body, headers: key === undefined ? {} : { 'idempotency-key': key } });
}

describe('an effect', () => {
  test('is had once for a key, and the repeat gets the first answer', async () => {
    sink.script(({ ordinal }) => ({ status: 201, body: `answer ${ordinal}` }));
    const first = await send('k');
    const second = await send('k');
    assert.deepEqual([second.status, await second.text(), await first.text()], [201, 'answer 1', 'answer 1']);
    assert.deepEqual([sink.requests().length, sink.effects().map(({ key }) => key), sink.conflicts()], [2, ['k'], []]);
  });

  test('is had each time without a key, or where the sink honours none', async () => {
    await send(undefined);
    await send(undefined);
    assert.equal(sink.effects().length, 2);
    const careless = await startHttpSink({ idempotent: false });
    await send('k', 'x', careless.url);
    await send('k', 'x', careless.url);
    await careless.close();
    assert.equal(careless.effects().length, 2);
  });

  test('is not had by a refused request, so that its repeat has it', async () => {
    sink.script(({ ordinal }) => (ordinal === 1 ? { status: 503, headers: { 'retry-after': '1' } } : {}));
    const refused = await send('k');
    assert.deepEqual([refused.status, refused.headers.get('retry-after'), sink.effects().length], [503, '1', 0]);
    assert.equal((await send('k')).status, 200);
    assert.equal(sink.effects().length, 1);
  });

  test('is had although the answer is lost, and the repeat does not have it again', async () => {
    sink.script(({ ordinal }) => (ordinal === 1 ? { ending: 'reset' } : {}));
    await assert.rejects(send('k'));
    assert.equal((await send('k')).headers.get('idempotent-replayed'), 'true');
    assert.equal(sink.effects().length, 1);
  });

  test('is had although a proxy puts an error in the place of the answer', async () => {
    sink.script(() => ({ status: 502, effect: true }));
    assert.deepEqual([(await send('k')).status, (await send('k')).status, sink.effects().length], [502, 200, 1]);
  });

  test('is had once by two requests at the same time', async () => {
    const gate = createGate();
    sink.script(() => ({ until: gate.opened }));
    const both = [send('k'), send('k')];
    await sink.until('one is answered and one waits', () => sink.requests().length === 2);
    gate.open();
    await Promise.all(both);
    assert.equal(sink.effects().length, 1);
  });

  test('with the same key and another body is told as a conflict', async () => {
    await send('k', 'one');
    await send('k', 'two');
    assert.deepEqual(sink.conflicts(), ['k']);
  });
});

describe('a request', () => {
  test('that hangs gets no answer until the client leaves', async () => {
    sink.script(() => ({ ending: 'hang' }));
    const abort = new AbortController();
    const call = fetch(sink.url, { method: 'POST', body: 'x', signal: abort.signal });
    await sink.until('it has arrived', () => sink.requests().length === 1);
    abort.abort();
    await assert.rejects(call, { name: 'AbortError' });
  });

  test('that is dropped unread has no body and no effect', async () => {
    sink.dropUnread(() => true);
    await assert.rejects(send('k'));
    assert.deepEqual([sink.requests().map(({ body }) => body), sink.effects().length], [[''], 0]);
  });

  test('is remembered as it came', async () => {
    await send('k', 'päyload');
    const [request] = sink.requests();
    assert.deepEqual([request?.method, request?.path, request?.body, request?.key], ['POST', '/comments', 'päyload', 'k']);
  });
});

test('the sink’s own process leaves a journal of all that was done, however it ends', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'http-sink-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const journal = join(folder, 'journal');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'http-sink.ts'), '--journal', journal], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [url] = await once(child.stdout, 'data');
    await send('k', 'one', String(url).trim());
    await send('k', 'one', String(url).trim());
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const lines = readJournal(journal);
  assert.deepEqual(
    lines.map(({ kind, key, body }) => [kind, key, body]),
    [
      ['request', 'k', 'one'],
      ['effect', 'k', 'one'],
      ['request', 'k', 'one'],
    ],
  );
});
