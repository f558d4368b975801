import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runCli } from '../support/dev-process.ts';
import { settled } from '../support/dev-stage.ts';
import { deliver } from '../support/github-sender.ts';
import { onPodsStage } from '../support/pods-stage.ts';

suite('eventagent events', () => {
  test("lists what became of an agent's events, the newest first, with sums, and shows one", (t) =>
    onPodsStage(t, '4.3', async ({ stub, database, start }) => {
      const gateway = await start('gateway');
      const runner = await start('runner');
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      stub.script(({ marker }) => (marker === 'refused' ? { text: 'No.', stopReason: 'refusal' } : {}));
      for (const id of ['first', 'refused', 'last']) {
        assert.equal(await deliver(gateway.gatewayUrl, id, { title: 'a private title' }), 202);
        await settled(runner, id);
      }
      const events = (...args: readonly string[]) => runCli(['events', ...args], { EVENTAGENT_REDIS_URL: database.url });

      const { code, stdout, stderr } = await events('ls', 'test/reviewer');
      assert.deepEqual([code, stderr], [0, '']);
      const [heading = '', ...rows] = stdout.trimEnd().split('\n');
      assert.match(heading, /^ENDED +OUTCOME +REASON +ATTEMPTS +TURNS +TOKENS +COST +TYPE +ID$/);
      assert.deepEqual(
        rows
          .slice(0, 3)
          .map((row) => row.split(/ {2,}/).filter((_, column) => column !== 0))
          .map((cells) => [cells[0], cells.at(-1)]),
        [
          ['done', 'last'],
          ['dead', 'refused'],
          ['done', 'first'],
        ],
      );
      const ledger = stub.ledger();
      const [sumIn, sumOut] = [
        ledger.reduce((sum, { billed }) => sum + billed.input, 0),
        ledger.reduce((sum, { billed }) => sum + billed.output, 0),
      ];
      assert.match(rows[3] ?? '', new RegExp(`^3 in all: 2 done, 1 dead; 3 turns, ${sumIn} tokens in, ${sumOut} out, \\$0\\.\\d{6}$`));

      const limited = await events('ls', 'test/reviewer', '--limit', '1', '--since', '1h', '--outcome', 'done');
      assert.match(limited.stdout, /^ENDED[^\n]*\n[^\n]* last\n… 1 older ones: --limit shows more\n2 in all: 2 done; [^\n]*\n$/);

      const json = (await events('ls', 'test/reviewer', '--json')).stdout;
      const receipts = json
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      assert.deepEqual(
        receipts.map(({ id, outcome, reason }) => [id, outcome, reason]),
        [
          ['last', 'done', undefined],
          ['refused', 'dead', 'Refused'],
          ['first', 'done', undefined],
        ],
      );
      const { startedAt, endedAt, costNanoUsd, ...rest } = receipts[2] ?? {};
      const [bought] = ledger;
      assert.ok(bought && Number(costNanoUsd) > 0 && Date.parse(String(endedAt)) >= Date.parse(String(startedAt)));
      assert.deepEqual(rest, {
        id: 'first',
        type: 'github.pull_request',
        outcome: 'done',
        attempts: 1,
        redrives: 0,
        turns: 1,
        inputTokens: bought.billed.input,
        outputTokens: bought.billed.output,
        estimated: false,
        freshStarts: 0,
      });

      const shown = await events('show', 'test/reviewer', 'refused');
      assert.match(shown.stdout, /^id +refused\ntype +github\.pull_request\noutcome +dead \(Refused\)\nattempts +1\n/);
      assert.deepEqual(JSON.parse((await events('show', 'test/reviewer', 'refused', '--json')).stdout), receipts[1]);
      const unknown = await events('show', 'test/reviewer', 'never');
      assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
      assert.match(unknown.stderr, /^eventagent: there is no receipt of event "never" of test\/reviewer: it has not ended, /);
      assert.match(
        (await events('ls', 'test/another')).stdout,
        /^no receipts of test\/another: .*, or this store knows no such agent: check its name,/,
      );
      const odd = await events('show', 'test/reviewer', '\u202enever');
      assert.match(odd.stderr, /of event "\\u202enever" of/);
      assert.ok(!`${stdout}${json}${shown.stdout}`.includes('private'), 'nothing of the payload');
    }));

  for (const [what, args, code, says] of [
    [
      'no store',
      ['ls', 'test/a'],
      2,
      /^eventagent: --redis: where is the store\? Give its URL, or set EVENTAGENT_REDIS_URL, which no list of processes shows; or have the command run in the agent's cluster: --in-cluster\n$/,
    ],
    ['a URL that is none', ['ls', 'test/a', '--redis', 'http://secret@x'], 2, /^eventagent: --redis: /],
    ['no agent', ['ls', 'reviewer', '--redis', 'redis://127.0.0.1:1'], 2, /It must be NAMESPACE\/NAME of an EventAgent/],
    ['no time', ['ls', 'test/a', '--since', 'yesterday'], 2, /must be a number of seconds, minutes, hours or days: 90s/],
    ['no outcome', ['ls', 'test/a', '--outcome', 'lost'], 2, /Allowed choices are done, dead, filtered, stale, expired/],
    ['no number', ['ls', 'test/a', '--limit', '0'], 2, /must be a whole number from 1\./],
    [
      'a store that is away',
      ['ls', 'test/a', '--redis', 'redis://127.0.0.1:1'],
      1,
      /^eventagent: --redis: the store at 127\.0\.0\.1:1 cannot be used: .*; start it, or correct --redis\n$/,
    ],
    ['no command', [], 2, /Usage: eventagent events/],
  ] as const)
    test(`is told what is wrong: ${what}`, async () => {
      const said = await runCli(['events', ...args]);
      assert.deepEqual([said.code, said.stdout], [code, '']);
      assert.match(said.stderr, says);
      assert.ok(!said.stderr.includes('secret@'));
    });

  test('names the variable that is wrong', async () => {
    const said = await runCli(['events', 'ls', 'test/a'], { EVENTAGENT_REDIS_URL: 'redis://127.0.0.1:1' });
    assert.match(
      said.stderr,
      /^eventagent: EVENTAGENT_REDIS_URL: the store at 127\.0\.0\.1:1 cannot be used: .*; start it, or correct EVENTAGENT_REDIS_URL\n$/,
    );
  });
});
