import { usdText } from '../../api/prices.ts';
import { DemoFailed, type LogLine } from './dev-child.ts';
import type { Page } from './page.ts';

/** As many lines of a request's body are shown. */
const BODY_LINES = 3;

/** Tells of a run that is done: how long, how many tokens, what it cost. Throws `DemoFailed` for one that ended otherwise. */
export function tellDone(page: Page, run: LogLine): void {
  if (run.outcome !== 'done')
    throw new DemoFailed('WentWrong', `the run ended as ${run.outcome} (${run.reason}) instead of done: ${run.error ?? 'see the log'}`);
  page.good(`run finished in ${run.durationMs} ms: done, attempt ${run.attempt}`);
  page.facts([
    ['tokens', `${run.inputTokens} in, ${run.outputTokens} out`],
    ['cost', costOf(run)],
  ]);
}

/** Tells of a run that ended in the dead-letter queue. */
export function tellDead(page: Page, run: LogLine, queue: string): void {
  if (run.outcome !== 'dead')
    throw new DemoFailed('WentWrong', `the run ended as ${run.outcome} (${run.reason}) instead of in the dead-letter queue`);
  page.bad(`dead letter: ${run.reason}`);
  page.facts([
    ['error', String(run.error)],
    ['fingerprint', String(run.fingerprint)],
    ['attempts', String(run.attempt)],
    ['cost', costOf(run)],
    ['queue', queue],
  ]);
}

/** Tells of a request that was shown instead of sent. */
export function tellCaptured(page: Page, captured: LogLine): void {
  const headers = captured.headers as Readonly<Record<string, string>>;
  page.line(`what would have been sent, as output "${captured.output}":`);
  page.facts([[String(captured.method), String(captured.url)], ...Object.entries(headers).map(([name, value]) => [name, value] as const)]);
  page.quote(String(captured.body), BODY_LINES);
}

/** Tells of a line that comes after the story, while it is left running. */
export function tellLine(page: Page, line: LogLine, queue: string): void {
  const { msg, level: _, time: __, ...fields } = line;
  if (msg === 'output captured') tellCaptured(page, line);
  else if (msg === 'run finished' && line.outcome === 'done') tellDone(page, line);
  else if (msg === 'run finished' && line.outcome === 'dead') tellDead(page, line, queue);
  else page.line(`${msg}  ${JSON.stringify(fields)}`);
}

function costOf({ costNanoUsd, estimated }: LogLine): string {
  return typeof costNanoUsd === 'number'
    ? `${usdText(costNanoUsd)}${estimated === true ? ' at most' : ''}`
    : 'unknown: the model has no known price';
}
