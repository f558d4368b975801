import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { manifestFolder, runCli, startDev } from '../support/dev-process.ts';
import { onStage, settled } from '../support/dev-stage.ts';
import { createGate } from '../support/gate.ts';
import { onRealStage } from '../support/real-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';

const NOBODY = { claudeUrl: 'http://127.0.0.1:1', sinkUrl: 'http://127.0.0.1:1' };

const schedule = (spec: Readonly<Record<string, unknown>>, name = 'figures') => ({
  apiVersion: 'eventagent.dev/v1alpha1',
  kind: 'AgentSchedule',
  metadata: { name, namespace: 'test' },
  spec: { agentRef: { name: 'reviewer' }, input: { title: 'the figures' }, ...spec },
});

const ended = (lines: readonly { readonly msg: string }[]) => lines.some(({ msg }) => msg === 'scheduled run ended');

suite('schedules in dev', { concurrency: 2 }, () => {
  test('a schedule fires by itself, says when it will, and follows its run to the end', () =>
    onStage(
      // Each second, and so once in the minute that the session begins in.
      (urls) => [...reviewAgent(urls), schedule({ schedule: '@every 1s' })],
      async ({ dev, sink, stub }) => {
        await dev.until('its run has ended', ended);
        const said = dev.lines().find(({ msg }) => msg === 'schedule');
        assert.deepEqual([said?.schedule, said?.agent, said?.cron, said?.timeZone], ['figures', 'reviewer', '@every 1s', 'Etc/UTC']);
        assert.ok(Math.abs(Date.parse(String(said?.next)) - Date.parse(String(said?.time))) < 5000, JSON.stringify(said));
        const end = dev.lines().find(({ msg }) => msg === 'scheduled run ended');
        assert.deepEqual([end?.outcome, end?.reason], ['done', '']);
        assert.match(String(end?.eventId), /^dev-[0-9a-f]{16}-\d{8}$/);
        assert.equal(Number(String(end?.eventId).split('-').at(-1)) * 60_000, Date.parse(String(end?.slot)));
        const [request] = sink.requests();
        assert.deepEqual((JSON.parse(request?.body ?? '') as { event: string }).event, end?.eventId);
        assert.match(stub.received()[0]?.prompt ?? '', /Review: the figures$/);
      },
    ));

  test('a session that is stopped while a run is under way does not wait for it twice, and ends in good order', () =>
    onStage(
      (urls) => [...reviewAgent(urls), schedule({ schedule: '@every 1s' })],
      async ({ dev, stub }) => {
        const answer = createGate();
        stub.script(() => ({ hold: { at: 'headers', until: answer.opened } }));
        await stub.until('the run is under way', () => stub.received().length === 1);
        dev.signal('SIGTERM');
        answer.open();
        assert.equal(await dev.exit, 0);
        assert.equal(dev.stderr(), '');
      },
    ));

  test('--fire runs one at once, --once ends the session with it', () =>
    onStage(
      (urls) => [...reviewAgent(urls), schedule({ every: '24h' }), schedule({ schedule: '0 0 1 1 *', suspend: true }, 'yearly')],
      async ({ dev, sink }) => {
        assert.equal(await dev.exit, 0);
        const [end, ...others] = dev.lines().filter(({ msg }) => msg === 'run finished');
        assert.equal(others.length, 0);
        assert.match(String(end?.eventId), /^dev-[0-9a-f]{16}-manual-[0-9a-f-]{36}$/);
        assert.equal(end?.outcome, 'done');
        assert.equal(sink.requests().length, 1);
      },
      ['--fire', 'yearly', '--once'],
    ));

  test('on a real broker and store the next session knows what the last one has run', (t) =>
    onRealStage(t, '4.0', async ({ parts, stub, sink }) => {
      await using folder = await manifestFolder([
        ...reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url }),
        schedule({ schedule: '@every 1s' }),
      ]);
      const slots: unknown[] = [];
      // Until two of them were in the same minute.
      while (new Set(slots).size === slots.length) {
        assert.ok(slots.length < 6);
        await using dev = await startDev([folder.file, ...parts]);
        await dev.until('a run has ended', ended);
        slots.push(dev.lines().find(({ msg }) => msg === 'scheduled run ended')?.slot);
        dev.signal('SIGTERM');
        assert.equal(await dev.exit, 0);
      }
      assert.equal(sink.requests().length, new Set(slots).size, `slots ${slots.join(', ')}`);
    }));

  test('a dead letter is said with its reason', () =>
    onStage(
      (urls) => [...reviewAgent(urls), schedule({ every: '24h' })],
      async ({ dev, stub }) => {
        stub.script(() => ({ text: 'No.', stopReason: 'refusal' }));
        await dev.until('its run has ended', ended);
        const end = dev.lines().find(({ msg }) => msg === 'scheduled run ended');
        assert.deepEqual([end?.level, end?.outcome, end?.reason], ['warn', 'dead', 'Refused']);
        await settled(dev, String(end?.eventId));
      },
      ['--fire', 'figures'],
    ));

  for (const [name, documents, args, code, says] of [
    [
      'a schedule whose agent is in no file',
      [schedule({ every: '1h' })],
      ['dev'],
      2,
      /^\S+agents\.yaml:9: spec\.agentRef\.name: EventAgent test\/reviewer is in none of the given files/,
    ],
    [
      'the same, rendered',
      [schedule({ every: '1h' })],
      ['render'],
      2,
      /^\S+agents\.yaml:9: spec\.agentRef\.name: EventAgent test\/reviewer is in none/,
    ],
    [
      'the same, validated',
      [schedule({ every: '1h' })],
      ['validate'],
      0,
      /^warning: \S+agents\.yaml:9: spec\.agentRef\.name: EventAgent test\/reviewer is in none/,
    ],
    [
      'a schedule that does not parse',
      [schedule({ schedule: '0 7 * * 8' })],
      ['validate'],
      2,
      /^\S+agents\.yaml:\d+: spec\.schedule: day of week: 8 is not within 0 to 6/,
    ],
    [
      'a schedule that never happens',
      [schedule({ schedule: '0 0 30 2 *' })],
      ['validate'],
      2,
      /^\S+agents\.yaml:\d+: spec\.schedule: this never happens/,
    ],
    [
      'an unknown time zone',
      [schedule({ every: '1h', timeZone: 'Europe/Berlln' })],
      ['validate'],
      2,
      /^\S+agents\.yaml:\d+: spec\.timeZone: there is no time zone Europe\/Berlln/,
    ],
    [
      'what the API server refuses',
      [schedule({ every: '7m' })],
      ['validate'],
      2,
      /^\S+agents\.yaml:\d+: spec\.every: Unsupported value: "7m": supported values: "1m"/,
    ],
    [
      'neither schedule nor interval',
      [schedule({})],
      ['validate'],
      2,
      /^\S+agents\.yaml:7: spec: Invalid value: give exactly one of schedule and every\n$/,
    ],
    [
      'a schedule to fire that is not there',
      [...reviewAgent(NOBODY), schedule({ every: '1h' })],
      ['dev', '--fire', 'figurse'],
      2,
      /--fire: there is no AgentSchedule figurse in the given files: there is figures/,
    ],
  ] as const)
    test(`${name}: ${args[0]} says where and what, and exits ${code}`, async () => {
      await using folder = await manifestFolder(documents);
      const [command, ...flags] = args;
      const result = await runCli([command, folder.file, ...flags]);
      assert.match(result.stderr, says);
      assert.equal(result.code, code);
      if (code === 0) assert.equal(result.stdout, 'valid: AgentSchedule test/figures (1 warning)\n');
    });
});
