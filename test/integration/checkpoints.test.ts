import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import { onPodsStage } from '../support/pods-stage.ts';

const KEYS = { old: Buffer.alloc(32, 1).toString('base64'), new: Buffer.alloc(32, 2).toString('base64') };
const refs = (...keys: readonly (keyof typeof KEYS)[]) => ({
  checkpoints: { encryptionKeyRefs: keys.map((key) => ({ name: 'keys', key })) },
});

/** Everything that a database holds, as text. */
async function contentOf(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys('*');
    const dumps = await Promise.all(
      keys.map(async (key) => {
        const type = await redis.type(key);
        if (type === 'string') return [await redis.get(key)];
        if (type === 'hash') return Object.entries(await redis.hgetall(key)).flat();
        if (type === 'zset') return redis.zrange(key, '0', '-1');
        throw new Error(`${key} is a ${type}`);
      }),
    );
    return [...keys, ...dumps.flat()].join('\n');
  } finally {
    redis.disconnect();
  }
}

suite('encrypted checkpoints', { concurrency: 2 }, () => {
  for (const version of ['3.10', '4.3'] as const)
    test(`a runner that is killed goes on by what nobody can read in the store, and by the old key when it was rotated, RabbitMQ ${version}`, (t) =>
      onPodsStage(t, version, async ({ stub, sink, start, reviewer, database }) => {
        const gateway = await start('gateway');
        const secrets = { ...reviewer.secrets, keys: KEYS };
        const begin = (...keys: readonly (keyof typeof KEYS)[]) =>
          start('runner', { configuration: { ...reviewer.runner, ...refs(...keys) }, secrets });
        stub.script(() => ({ text: 'a confidential verdict' }));
        let held = true;
        sink.script(() => (held ? { ending: 'hang' } : {}));
        const first = await begin('old');
        await Promise.all([gateway.untilReady(), first.untilReady()]);
        assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
        await sink.until('the request is under way', () => sink.requests().length === 1, 20_000);
        const content = await contentOf(database.url);
        assert.match(content, /"state":"intent"/);
        assert.doesNotMatch(content, /confidential|\/sink|127\.0\.0\.1/);
        assert.ok(!content.includes(KEYS.old));
        first.signal('SIGKILL');
        await first.exit;
        held = false;
        const second = await begin('new', 'old');
        await second.untilReady();
        await sink.until('it is sent again', () => sink.requests().length === 2, 60_000);
        await eventually('it is done', async () => /"phase":"done"/.test(await contentOf(database.url)), 60_000);
        assert.doesNotMatch(await contentOf(database.url), /confidential|\/sink|127\.0\.0\.1/);
        assert.equal(stub.received().length, 1, 'the answer was bought once');
        assert.deepEqual(
          sink.requests().map(({ body }) => body),
          Array.from({ length: sink.requests().length }, () => sink.requests()[0]?.body),
          'what is sent again is what was sent before',
        );
      }));
});
