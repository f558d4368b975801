import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeByArea } from './profile.ts';

const areas: readonly (readonly [functionName: string, url: string, area: string | undefined])[] = [
  ['lifeOf', 'file:///home/me/eventagent/src/runner/life.ts', 'src/runner'],
  ['lifeOf', 'file:///tmp/built/src/runner/outputs/send.js', 'src/runner'],
  ['sendCommand', '/home/me/eventagent/node_modules/ioredis/built/Redis.js', 'ioredis'],
  ['post', 'file:///home/me/node_modules/@anthropic-ai/sdk/src/client.mjs', '@anthropic-ai/sdk'],
  ['hash', '/home/me/node_modules/a/node_modules/b/index.js', 'b'],
  ['tick', 'file:///home/me/eventagent/test/bench/contest.ts', 'benchmark'],
  ['writeUtf8String', '', 'writes to sockets and log'],
  ['runMicrotasks', '', 'engine and native code'],
  ['(program)', '', 'engine and native code'],
  ['(garbage collector)', '', 'garbage collection'],
  ['ClientRequest', 'node:_http_client', 'Node: http'],
  ['fetch', 'node:internal/deps/undici/undici', 'Node: fetch'],
  ['emit', 'node:events', 'Node: streams, events, timers, others'],
  ['post', 'node:inspector', undefined],
  ['(idle)', '', undefined],
];

for (const [functionName, url, area] of areas) {
  test(`${functionName} of ${url || 'no source'} belongs to ${area ?? 'nothing'}`, () => {
    const time = timeByArea({ nodes: [{ id: 1, callFrame: { functionName, url } }], samples: [1], timeDeltas: [1500] });
    assert.deepEqual(time, area === undefined ? {} : { [area]: 1.5 });
  });
}

test('times of one area are added up', () => {
  const frame = (id: number, url: string) => ({ id, callFrame: { functionName: 'f', url } });
  const nodes = [frame(1, 'file:///x/src/store/redis.ts'), frame(2, 'file:///x/src/store/port.ts'), frame(3, 'node:events')];
  assert.deepEqual(timeByArea({ nodes, samples: [1, 2, 3, 1], timeDeltas: [100, 200, 400, 800] }), {
    'src/store': 1.1,
    'Node: streams, events, timers, others': 0.4,
  });
});
