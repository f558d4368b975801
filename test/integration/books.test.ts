import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { costNanoUsd } from '../../src/api/prices.ts';
import type { Receipt } from '../../src/api/receipt.ts';
import { billedInAll, type LedgerEntry } from '../support/claude-stub.ts';
import { runCli } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';
import { createLedger } from '../support/ledger.ts';
import { onPodsStage } from '../support/pods-stage.ts';
import { statusOf } from '../support/runner-status.ts';
import { scrape, sumOf } from '../support/scrape.ts';

const AGENT = 'test/reviewer';
const MODEL = 'claude-sonnet-5-5';

/** Events by what becomes of them. */
const plain = Array.from({ length: 8 }, (_, index) => `plain-${index}`);
const [failing, busy, refused] = [
  ['failing-0', 'failing-1'],
  ['busy-0', 'busy-1'],
  ['refused-0', 'refused-1'],
];
const ids = [...plain, ...failing, ...busy, ...refused];

/** What something comes to. */
interface Sum {
  readonly input: number;
  readonly output: number;
  readonly nanoUsd: number;
}

/** What the provider bills. */
function billed(entries: readonly LedgerEntry[]): Sum {
  const usage = billedInAll(entries);
  return { input: usage.input, output: usage.output, nanoUsd: costNanoUsd(MODEL, usage) ?? Number.NaN };
}

suite('the books', () => {
  test('receipts, metrics and the cost of today come to what the provider billed, over two runners, retries, dead letters and a redrive; what is estimated is marked, and never less', (t) =>
    onPodsStage(
      t,
      '4.3',
      async (stage) => {
        const { stub, sink, start, look, vhost, database } = stage;
        const ledger = createLedger(stage);
        let refuses = true;
        const seen = new Set<string>();
        const isFirst = (id: string) => !seen.has(id) && seen.add(id) !== undefined;
        stub.script(({ marker = '' }) => {
          if (failing.includes(marker) && isFirst(marker)) return { status: 500 };
          if (marker === 'cut' && isFirst(marker))
            return { text: 'An answer that is not heard to its end.', fault: { kind: 'cut', at: 'stream' } };
          return refuses && refused.includes(marker) ? { stopReason: 'refusal' } : {};
        });
        sink.script(({ body }) => {
          const { event } = JSON.parse(body) as { readonly event: string };
          return busy.includes(event) && isFirst(event) ? { status: 503 } : {};
        });
        const gateway = await start('gateway');
        const runners = [await start('runner'), await start('runner')];
        await Promise.all([gateway, ...runners].map((pod) => pod.untilReady()));

        const environment = {
          EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl,
          EVENTAGENT_REDIS_URL: database.url,
        };
        const receipts = async () => {
          const { code, stdout, stderr } = await runCli(['events', 'ls', AGENT, '--json'], environment);
          assert.equal(code, 0, stderr);
          return stdout
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Receipt);
        };
        const ofReceipts = (all: readonly Receipt[]): Sum => ({
          input: all.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
          output: all.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
          nanoUsd: all.reduce((sum, { costNanoUsd: cost }) => sum + Number(cost), 0),
        });
        const ofMetrics = async (labels: Readonly<Record<string, string>>): Promise<Sum> => {
          const samples = (await Promise.all(runners.map(({ metricsUrl }) => scrape(`${metricsUrl}/metrics`)))).flat();
          const tokens = (kind: string) => sumOf(samples, 'eventagent_tokens_total', { ...labels, model: MODEL, kind });
          const cost = sumOf(samples, 'eventagent_cost_usd_total', { ...labels, model: MODEL });
          return { input: tokens('input'), output: tokens('output'), nanoUsd: Math.round(cost * 1e9) };
        };
        const haveToday = (nanoUsd: number) =>
          eventually(
            `both tell a cost today of ${nanoUsd}`,
            async () => (await Promise.all(runners.map(statusOf))).every(({ costTodayNanoUsd }) => costTodayNanoUsd === nanoUsd),
            60_000,
          );

        for (const id of ids) assert.equal(await ledger.send(gateway.gatewayUrl, id), 202);
        await eventually(
          'every event has its end',
          async () =>
            sink.effects().length === ids.length - refused.length && (await look('ea.test.reviewer.dead')).length === refused.length,
          60_000,
        );
        await eventually('every event has its receipt', async () => (await receipts()).length === ids.length, 30_000);
        const first = billed(stub.ledger());
        assert.equal(stub.ledger().length, ids.length + failing.length, 'a busy sink costs no second call');
        assert.deepEqual(ofReceipts(await receipts()), first);
        assert.deepEqual(await ofMetrics({}), first);

        refuses = false;
        const redriven = await runCli(['redrive', AGENT], environment);
        assert.equal(redriven.code, 0, redriven.stderr);
        await ledger.close(t, {
          scenario: 'retries, dead letters and a redrive, over two runners',
          on: 'RabbitMQ 4.3',
          mostBoughtAgain: refused.length,
        });
        const second = billed(stub.ledger());
        const all = await receipts();
        assert.deepEqual(ofReceipts(all), second);
        for (const { id, turns, redrives, estimated, ...receipt } of all) {
          const calls = stub.ledger().filter(({ marker, outcome }) => marker === id && outcome === 'completed');
          const isRefused = refused.includes(id);
          assert.deepEqual([turns, redrives, estimated], [isRefused ? 2 : 1, isRefused ? 1 : 0, false], id);
          assert.deepEqual(ofReceipts([{ id, turns, redrives, estimated, ...receipt }]), billed(calls), id);
        }
        assert.deepEqual(await ofMetrics({}), second);
        await haveToday(second.nanoUsd);

        assert.equal(await ledger.send(gateway.gatewayUrl, 'cut'), 202);
        await sink.until('it is done by its second call', () => sink.effects().length === ids.length + 1, 60_000);
        assert.deepEqual(await ofMetrics({ estimated: 'false' }), billed(stub.ledger().filter(({ outcome }) => outcome === 'completed')));
        const third = billed(stub.ledger());
        const cut = await eventually('its receipt', async () => (await receipts()).find(({ id }) => id === 'cut'), 30_000);
        assert.deepEqual([cut.turns, cut.estimated, cut.outcome], [2, true, 'done']);
        const inAll = ofReceipts(await receipts());
        assert.deepEqual(await ofMetrics({}), inAll);
        await haveToday(inAll.nanoUsd);
        for (const what of ['input', 'output', 'nanoUsd'] as const)
          assert.ok(inAll[what] >= third[what], `${what}: ${inAll[what]} of ${third[what]}`);
      },
      { delivery: { retryDelaysSeconds: [1] } },
    ));
});
