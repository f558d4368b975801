import { writeFileSync } from 'node:fs';
import { startControlPlane } from '../parts/kubernetes.ts';
import { withDefinitions } from './definitions.ts';
import { apiJudge, askAll } from './server-verdict.ts';
import { verdictCorpora } from './verdict-corpus.ts';

// Asks a real API server of each changed object, and writes down what it says.
await using cluster = await startControlPlane({ version: '1.37' });
await withDefinitions(cluster);
await using judge = await apiJudge(cluster);
for (const { resource, mutations, golden, object } of verdictCorpora) {
  const answers = await askAll(mutations, (mutation) => judge.verdict(resource, object(mutation)));
  const verdicts = Object.fromEntries(answers.map(([{ says }, { findings }]) => [says, findings]));
  writeFileSync(golden, `${JSON.stringify(verdicts, undefined, 1)}\n`);
  process.stdout.write(`${answers.length} verdicts on ${resource.plural}: ${golden.pathname}\n`);
}
