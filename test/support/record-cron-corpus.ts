import { writeFileSync } from 'node:fs';
import { cronOracle } from '../parts/cron-oracle.ts';
import { expressions, timesToAsk, zoneNames } from './cron-cases.ts';
import { CRON_CORPUS, CRON_TIMES } from './cron-corpus.ts';

// Asks the cron library of kube-controller-manager, and writes down what it says.
const ask = await cronOracle();
const accepted = await ask({ expressions, zones: zoneNames, times: [] });
const taken = new Set(expressions.filter((_, index) => accepted.expressions[index]));
const asked = timesToAsk((expression) => taken.has(expression));
const moments = asked.flatMap(({ zone, afterMs, expressions }) =>
  expressions.map((expression) => ({ zone, afterMs, expression, count: CRON_TIMES })),
);
const { times } = await ask({ expressions: [], zones: [], times: moments });
// What governments will do to the clocks after this differs from one release of the database to the next.
const settledUntil = Date.parse('2027-01-01') / 1000;
const answers = times.values();
const lines = asked.map(({ zone, afterMs, expressions }) => {
  const next = expressions
    .map((expression) => [expression, answers.next().value] as const)
    .filter(([, found]) => zone === 'Etc/UTC' || !found?.some((time) => time > settledUntil));
  return JSON.stringify({ zone, afterMs, next: Object.fromEntries(next) });
});
const listed = (names: readonly string[], answers: readonly boolean[]) =>
  names.map((name, index) => `${JSON.stringify(name)}: ${answers[index]}`).join(',\n');
writeFileSync(
  CRON_CORPUS,
  `{\n"expressions": {\n${listed(expressions, accepted.expressions)}\n},\n"zones": {\n${listed(zoneNames, accepted.zones)}\n},\n"times": [\n${lines.join(',\n')}\n]\n}\n`,
);
process.stdout.write(
  `${expressions.length} expressions, ${zoneNames.length} zones, ${moments.length} questions for times: ${CRON_CORPUS.pathname}\n`,
);
