import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange } from '../../test/support/http-exchange.ts';
import { systemClock } from './clock.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import { startStatusServer } from './status-server.ts';

const table = { things_total: { type: 'counter', help: 'Things.', labels: ['kind'] } } as const;

test('metrics, health and readiness are answered', async () => {
  const metrics = createMetrics(table);
  metrics.add('things_total', { kind: 'good' }, 3);
  let unready: string | undefined = 'starting';
  const server = await startStatusServer(
    { expose: metrics.expose, unready: () => unready },
    { host: '127.0.0.1', port: 0, clock: systemClock, log: createLog('json', () => {}) },
  );
  const get = async (path: string, method = 'GET') => {
    const { code, text } = await exchange(`${server.url}${path}`, { method });
    return [code, text];
  };
  try {
    const scraped = await exchange(`${server.url}/metrics`, { method: 'GET' });
    assert.equal(scraped.code, 200);
    assert.match(scraped.headers['content-type'] as string, /^text\/plain; version=0\.0\.4/);
    assert.match(scraped.text, /^things_total\{kind="good"\} 3$/m);
    assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
    assert.deepEqual(await get('/readyz'), [503, 'starting\n']);
    unready = undefined;
    assert.deepEqual(await get('/readyz?verbose'), [200, 'ok\n']);
    assert.deepEqual(await get('/healthz', 'HEAD'), [200, '']);
    assert.deepEqual(await get('/healthz', 'POST'), [405, 'only GET is answered here\n']);
    assert.deepEqual(await get('/'), [404, 'there is /healthz, /metrics and /readyz\n']);
  } finally {
    await server.close(0);
  }
});

test('what else there is to tell is JSON on /status, as it is at that moment', async () => {
  let asked = 0;
  const details = () => {
    asked += 1;
    return { asked };
  };
  const server = await startStatusServer(
    { expose: createMetrics(table).expose, unready: () => undefined, details },
    { host: '127.0.0.1', port: 0, clock: systemClock, log: createLog('json', () => {}) },
  );
  try {
    await exchange(`${server.url}/status`, { method: 'GET' });
    const { code, text, headers } = await exchange(`${server.url}/status`, { method: 'GET' });
    assert.deepEqual([code, JSON.parse(text), headers['content-type']], [200, { asked: 2 }, 'application/json']);
    assert.equal((await exchange(`${server.url}/`, { method: 'GET' })).text, 'there is /healthz, /metrics, /status and /readyz\n');
  } finally {
    await server.close(0);
  }
});

test('metrics that cannot be collected are 500, and the log says why', async () => {
  const lines: string[] = [];
  const server = await startStatusServer(
    { expose: () => Promise.reject(new Error('a gauge is broken')), unready: () => undefined },
    { host: '127.0.0.1', port: 0, clock: systemClock, log: createLog('json', (line) => lines.push(line)) },
  );
  try {
    const { code, text } = await exchange(`${server.url}/metrics`, { method: 'GET' });
    assert.deepEqual([code, text], [500, 'the metrics could not be collected; the log says why\n']);
    assert.match(lines.join(''), /a gauge is broken/);
  } finally {
    await server.close(0);
  }
});

test('without metrics nothing is on /metrics', async () => {
  const server = await startStatusServer(
    { unready: () => undefined, details: () => ({}) },
    { host: '127.0.0.1', port: 0, clock: systemClock, log: createLog('json', () => {}) },
  );
  try {
    const { code, text } = await exchange(`${server.url}/metrics`, { method: 'GET' });
    assert.deepEqual([code, text], [404, 'there is /healthz, /status and /readyz\n']);
  } finally {
    await server.close(0);
  }
});
