import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cronOracle } from '../parts/cron-oracle.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { CRON_TIMES, readCronCorpus } from '../support/cron-corpus.ts';

test('the cron library of kube-controller-manager says what the corpus holds, which the unit tests hold our own cron to', async (context) => {
  const ask = await partOrSkip(context, cronOracle);
  if (ask === undefined) return;
  const corpus = readCronCorpus();
  const asked = corpus.times.flatMap(({ zone, afterMs, next }) =>
    Object.entries(next).map(([expression, recorded]) => ({ question: { zone, afterMs, expression, count: CRON_TIMES }, recorded })),
  );
  const answers = await ask({
    expressions: Object.keys(corpus.expressions),
    zones: Object.keys(corpus.zones),
    times: asked.map(({ question }) => question),
  });
  const again = 'record it anew: node test/support/record-cron-corpus.ts';
  assert.deepEqual(answers.expressions, Object.values(corpus.expressions), again);
  assert.deepEqual(answers.zones, Object.values(corpus.zones), again);
  for (const [index, { question, recorded }] of asked.entries())
    assert.deepEqual(answers.times[index], recorded, `${JSON.stringify(question)}: ${again}`);
});
