import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import type { EventRecord } from '../../src/api/record.ts';
import { sealKeys } from '../../src/runner/seal/seal.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import { onPodsStage, type Pod, type PodsStage } from '../support/pods-stage.ts';

const KEYS = {
  old: Buffer.alloc(32, 1).toString('base64'),
  new: Buffer.alloc(32, 2).toString('base64'),
  older: Buffer.alloc(32, 3).toString('base64'),
};
const refs = (...keys: readonly (keyof typeof KEYS)[]) => ({
  checkpoints: { encryptionKeyRefs: keys.map((key) => ({ name: 'keys', key })) },
});

/** Between two tries there is time to look. */
const RETRIES = { delivery: { retryDelaysSeconds: [4] } };

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

/** The records of a database as they lie there, by event. */
interface RecordTexts {
  read(): Promise<ReadonlyMap<string, string>>;
  /** Changes the text of one, and nothing else of it. */
  write(event: string, text: string): Promise<void>;
}

function recordTexts(url: string): RecordTexts {
  const on = async <T>(body: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis(url);
    try {
      return await body(redis);
    } finally {
      redis.disconnect();
    }
  };
  const keyOf = new Map<string, string>();
  return {
    read: () =>
      on(async (redis) => {
        const texts = new Map<string, string>();
        for (const key of await redis.keys('*')) {
          const text = (await redis.type(key)) === 'hash' ? await redis.hget(key, 'r') : null;
          const event = text === null ? undefined : /"event":\{"id":"([^"]+)"/.exec(text)?.[1];
          if (text === null || event === undefined) continue;
          keyOf.set(event, key);
          texts.set(event, text);
        }
        return texts;
      }),
    write: (event, text) => on(async (redis) => void (await redis.hset(keyOf.get(event) ?? '', 'r', text))),
  };
}

/** The ids of the keys that the answer and the requests of a record are sealed with; `clear` for what is not. Of an event that is done nothing is left. */
function sealsOf(text: string | undefined): readonly string[] {
  const { turn, outputs } = JSON.parse(text ?? '') as EventRecord;
  const parts = [...(turn === undefined ? [] : [turn]), ...Object.values(outputs)];
  return parts.map((part) => part.sealed?.split('.')[0] ?? 'clear');
}

/** Waits until an event is on its way to another try. */
async function parked(texts: RecordTexts, event: string, timeoutMs?: number): Promise<void> {
  await eventually(`${event} is to be tried again`, async () => /"phase":"parked"/.test((await texts.read()).get(event) ?? ''), timeoutMs);
}

/** By what name what was sealed with a key tells. */
function idOf(key: keyof typeof KEYS): string {
  return sealKeys([{ name: 'keys', key }], () => KEYS[key])[0]?.id ?? '';
}

/** How often a runner put an event off since its record is not to be read. */
function waitsOf(runner: Pod, event: string): number {
  return endsOf(runner, event).filter(({ outcome, reason }) => outcome === 'waiting' && /^(Sealed|Unreadable)Record$/.test(String(reason)))
    .length;
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
        await sink.until('the request is under way', () => sink.requests().length === 1);
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

  test('what was in clear when encryption was turned on is gone on with, and encrypted by the next thing that is recorded', (t) =>
    onPodsStage(
      t,
      '4.3',
      async (stage) => {
        const { stub, sink, start, reviewer, database } = stage;
        const texts = await killedBeforeTheAnswers(stage, ['event-1'], reviewer.runner);
        assert.deepEqual(sealsOf((await texts.read()).get('event-1')), ['clear', 'clear']);
        assert.match(await contentOf(database.url), /confidential/);
        const runner = await start('runner', {
          configuration: { ...reviewer.runner, ...refs('old') },
          secrets: { ...reviewer.secrets, keys: KEYS },
        });
        let refuses = true;
        sink.script(() => (refuses ? { status: 503 } : {}));
        await runner.untilReady();
        await parked(texts, 'event-1', 60_000);
        assert.deepEqual(sealsOf((await texts.read()).get('event-1')), [idOf('old'), idOf('old')]);
        assert.doesNotMatch(await contentOf(database.url), /confidential|\/sink|127\.0\.0\.1/);
        refuses = false;
        assert.equal((await settled(runner, 'event-1', 60_000)).outcome, 'done');
        assert.equal(stub.received().length, 1, 'bought once');
        assert.equal(sink.effects().length, 1, 'sent once');
        assert.equal(sink.requests().length, 3, 'of the one that was killed, the one that was refused, and the last');
        assert.deepEqual(sink.conflicts(), []);
      },
      RETRIES,
    ));

  test('what was encrypted when encryption was turned off waits, and others are run; turned on again it is gone on with', (t) =>
    onPodsStage(t, '4.0', async (stage) => {
      const { stub, sink, start, reviewer } = stage;
      const sealing = { configuration: { ...reviewer.runner, ...refs('old') }, secrets: { ...reviewer.secrets, keys: KEYS } };
      const texts = await killedBeforeTheAnswers(stage, ['event-1'], sealing.configuration);
      const before = (await texts.read()).get('event-1');
      assert.deepEqual(sealsOf(before), [idOf('old'), idOf('old')]);
      const gateway = await start('gateway');
      const clear = await start('runner');
      await Promise.all([gateway.untilReady(), clear.untilReady()]);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-2'), 202);
      assert.equal((await settled(clear, 'event-2', 60_000)).outcome, 'done');
      await clear.until('the other was looked at twice', () => waitsOf(clear, 'event-1') >= 2, 90_000);
      assert.equal((await texts.read()).get('event-1'), before, 'nothing was written');
      assert.deepEqual([stub.received().length, sink.effects().length], [2, 1], 'bought once each, and only the other is sent');
      clear.signal('SIGTERM');
      assert.equal(await clear.exit, 0);
      const again = await start('runner', sealing);
      await again.untilReady();
      assert.equal((await settled(again, 'event-1', 60_000)).outcome, 'done');
      assert.deepEqual([stub.received().length, sink.effects().length], [2, 2]);
      assert.deepEqual(sink.conflicts(), []);
    }));

  test('a key that is rotated in its Secret is used without a restart, and what the one before has encrypted is opened by that', (t) =>
    onPodsStage(
      t,
      '4.3',
      async ({ stub, sink, start, reviewer, database }) => {
        const gateway = await start('gateway');
        // The first seals; the second is the one before, at first of no use.
        const runner = await start('runner', {
          configuration: { ...reviewer.runner, ...refs('new', 'old') },
          secrets: { ...reviewer.secrets, keys: { new: KEYS.old, old: KEYS.older } },
        });
        await Promise.all([gateway.untilReady(), runner.untilReady()]);
        stub.script(() => ({ text: 'a confidential verdict' }));
        let refuses = true;
        sink.script(() => (refuses ? { status: 503 } : {}));
        assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
        const texts = recordTexts(database.url);
        await parked(texts, 'event-1');
        assert.deepEqual(sealsOf((await texts.read()).get('event-1')), [idOf('old'), idOf('old')]);

        runner.files.secrets.keys?.swap({ new: KEYS.new, old: KEYS.old });
        await eventually(
          'it is encrypted by the new key after its next try',
          async () => isDeepStrictEqual(sealsOf((await texts.read()).get('event-1')), [idOf('new'), idOf('new')]),
          60_000,
        );
        refuses = false;
        assert.equal((await settled(runner, 'event-1', 60_000)).outcome, 'done');
        assert.equal(stub.received().length, 1, 'what it was encrypted with opens it');
        assert.equal(sink.effects().length, 1);
        assert.equal(waitsOf(runner, 'event-1'), 0);

        // A Secret that is swapped for one without its key: nothing is taken, and nothing is written in clear.
        runner.files.secrets.keys?.swap({ old: KEYS.old });
        await delay(1_100);
        assert.equal(await deliver(gateway.gatewayUrl, 'event-2'), 202);
        await runner.until('it is handed back', () => endsOf(runner, 'event-2').length > 0);
        assert.equal(endsOf(runner, 'event-2')[0]?.reason, 'SecretMissing');
        assert.equal((await texts.read()).get('event-2'), undefined);
        runner.files.secrets.keys?.swap({ new: KEYS.new, old: KEYS.old });
        assert.equal((await settled(runner, 'event-2', 60_000)).outcome, 'done');
        assert.equal(stub.received().length, 2);
        assert.deepEqual(sink.conflicts(), []);
        assert.equal(runner.hasEnded(), false);
      },
      RETRIES,
    ));

  test('a record that was changed in the store is neither run nor sent nor given up: its event waits, and goes on where the record is put back', (t) =>
    onPodsStage(
      t,
      '4.3',
      async (stage) => {
        const { stub, sink, start, look, reviewer } = stage;
        const changes: Readonly<Record<string, (text: string) => string>> = {
          'event-answer': (text) => withByteChanged(text, /"text":"","model":[^}]*\},"sealed":"[0-9a-f]{8}\.[^"]{20}/),
          'event-request': (text) => withByteChanged(text, /"state":"intent","sealed":"[0-9a-f]{8}\.[^"]{20}/),
          'event-key-id': (text) => withByteChanged(text, /"state":"intent","sealed":"[0-9a-f]/),
          'event-quote': (text) => text.replace(/("state":"intent","sealed":"[0-9a-f]{8}\.[^"]{20})./, '$1"'),
          'event-whole': (text) => text,
        };
        const events = Object.keys(changes);
        const texts = await killedBeforeTheAnswers(stage, events, { ...reviewer.runner, ...refs('old') });
        const before = await texts.read();
        for (const event of events) {
          const text = before.get(event) ?? '';
          const changed = changes[event]?.(text) ?? '';
          assert.equal(changed === text, event === 'event-whole', `${event}: ${text}`);
          await texts.write(event, changed);
        }
        const runner = await start('runner', {
          configuration: { ...reviewer.runner, ...refs('old') },
          secrets: { ...reviewer.secrets, keys: KEYS },
        });
        await runner.untilReady();
        await settled(runner, 'event-whole', 60_000);
        const damaged = events.filter((event) => event !== 'event-whole');
        await runner.until('all others were looked at twice', () => damaged.every((event) => waitsOf(runner, event) >= 2), 90_000);
        assert.equal(stub.received().length, events.length, 'nothing is bought again');
        assert.deepEqual(
          sink.effects().map(({ body }) => (JSON.parse(body) as { readonly event: string }).event),
          ['event-whole'],
        );
        assert.equal(sink.requests().length, events.length + 1, 'nothing is sent again');
        assert.equal((await look('ea.test.reviewer.dead')).length, 0);
        const told = (event: string) =>
          String(runner.lines().find(({ msg, eventId }) => eventId === event && /cannot be (opened|read);/.test(msg))?.error);
        assert.match(told('event-answer'), /does not open with its key: somebody has changed it in the store/);
        assert.match(told('event-request'), /does not open with its key: somebody has changed it in the store/);
        assert.match(told('event-key-id'), /was encrypted with a key \([^)]+\) that spec\.checkpoints\.encryptionKeyRefs does not have/);
        assert.match(told('event-quote'), /the record is no JSON: somebody has changed it in the store/);
        for (const event of damaged) await texts.write(event, before.get(event) ?? '');
        await Promise.all(damaged.map((event) => settled(runner, event, 60_000)));
        assert.equal(stub.received().length, events.length, 'each was bought once');
        assert.equal(sink.effects().length, events.length, 'each was sent once');
        assert.deepEqual(sink.conflicts(), []);
      },
      { delivery: { concurrency: 8 } },
    ));
});

/** Runs events until each has sent its request, of which no answer comes, and kills the runner there. */
async function killedBeforeTheAnswers(
  { stub, sink, start, database, reviewer }: PodsStage,
  events: readonly string[],
  configuration: object,
): Promise<RecordTexts> {
  const gateway = await start('gateway');
  stub.script(() => ({ text: 'a confidential verdict' }));
  sink.script(() => ({ ending: 'hang', effect: false }));
  const first = await start('runner', { configuration, secrets: { ...reviewer.secrets, keys: KEYS } });
  await Promise.all([gateway.untilReady(), first.untilReady()]);
  for (const event of events) assert.equal(await deliver(gateway.gatewayUrl, event), 202);
  await sink.until('all requests are under way', () => sink.requests().length === events.length);
  first.signal('SIGKILL');
  await first.exit;
  sink.script(() => ({}));
  return recordTexts(database.url);
}

/** With the last byte of what is found changed to another letter. */
function withByteChanged(text: string, place: RegExp): string {
  return text.replace(place, (found) => found.slice(0, -1) + (found.endsWith('A') ? 'B' : 'A'));
}
