import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { costNanoUsd, usdText } from '../../src/api/prices.ts';
import { DemoFailed, type LogLine, startDevChild } from '../../src/cli/demo/dev-child.ts';
import { createPage } from '../../src/cli/demo/page.ts';
import { tellStory } from '../../src/cli/demo/story.ts';
import { bareEnvironment } from '../support/bare-environment.ts';
import { type ClaudeStub, startClaudeStub } from '../support/claude-stub.ts';
import { SAMPLES, sampleCopy } from '../support/sample-copy.ts';
import { createWatchable } from '../support/until.ts';

const DEMO = join(import.meta.dirname, '../../src/cli/demo.ts');
const DELIVERY = join(SAMPLES, 'deliveries/pull_request.opened.json');
/** Exactly what a first user has: no key, no terminal. */
const ENVIRONMENT = bareEnvironment();

/** A demo on its way. */
function startDemo(args: readonly string[], environment: NodeJS.ProcessEnv = ENVIRONMENT) {
  const child = spawn(process.execPath, [DEMO, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  const output = { stdout: '', stderr: '' };
  const watchable = createWatchable();
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      watchable.changed();
    });
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return { child, output, exit, until: watchable.until };
}

/** Asserts that the parts stand in the text, in this order. */
function assertStory(text: string, parts: readonly RegExp[]): void {
  let at = 0;
  for (const part of parts) {
    const found = part.exec(text.slice(at));
    assert.ok(found !== null, `${part} does not follow in:\n${text.slice(at)}`);
    at += found.index + found[0].length;
  }
}

const story = [
  /recorded delivery, signed/,
  /✔ 202 accepted in \d+ ms, event 72d3162e-\S+58\n/,
  /✔ run started by platform\.pr-reviewer\n/,
  /✔ run finished in \d+ ms: done, attempt 1\n/,
  /tokens +\d+ in, \d+ out\n/,
  /cost +\$0\.\d{6}\n/,
  /the review:\n/,
  /would have been sent, as output "comment"/,
  /POST +https:\/\/api\.github\.com\/repos\/Codertocat\/Hello-World\/issues\/2\/comments\n/,
  /authorization +\(from a Secret\)\n/,
  /idempotency-key +[0-9a-f]{64}\n/,
  /│ \{"body": "/,
  /same delivery again/,
  /✔ 202 accepted, the same event 72d3162e-\S+58\n/,
  /✔ duplicate/,
  /cannot work/,
  /✔ 202 accepted, event 72d3162e-\S+59\n/,
  /✖ dead letter: TemplateError\n/,
  /error +.*undefined variable event\.data\.pull_request\.title/,
  /fingerprint +[0-9a-f]{12}\n/,
  /attempts +1\n/,
  /queue +ea\.platform\.pr-reviewer\.dead\n/,
  /Done in \d+\.\d s\.\n/,
];

test('the demo tells the whole story without a key, and ends well', async () => {
  const demo = startDemo([]);
  assert.equal(await demo.exit, 0, demo.output.stderr);
  assert.equal(demo.output.stderr, '');
  assertStory(demo.output.stdout, [/ANTHROPIC_API_KEY is not set, so no model is asked/, ...story]);
  assert.match(demo.output.stdout, /\[offline\] No model was called/);
  assert.ok(!demo.output.stdout.includes('\u001b['), 'no colours where nobody sees them');
});

test('the demo that is kept takes the delivery that it says how to send, and ends with Ctrl-C', async (t) => {
  const demo = startDemo(['--keep']);
  try {
    await demo.until('it says how to send more', () => /sed 's[^\n]+\n/.test(demo.output.stdout));
    const command = /^body=.*\n.*\n.*$/m.exec(demo.output.stdout)?.[0] ?? '';
    assertStory(demo.output.stdout, [
      ...story,
      /Still running/,
      /webhook +http:\/\/127\.0\.0\.1:\d+\/pr-reviewer\/github\n/,
      /metrics +http/,
    ]);
    const shell = promisify(execFile);
    const tools = await shell('sh', ['-c', 'command -v curl && command -v openssl']).catch(() => undefined);
    if (tools === undefined) t.diagnostic('curl or openssl is missing here: the command was not tried');
    else {
      const { stdout } = await shell('sh', ['-c', command]);
      assert.match(stdout, /^\{"id":"by-hand-\d+"\}/);
      await demo.until('it tells of the run', () => (demo.output.stdout.match(/run finished/g) ?? []).length === 2);
    }
    const metrics = /metrics +(\S+)/.exec(demo.output.stdout)?.[1] ?? '';
    assert.match(await (await fetch(metrics)).text(), /eventagent_events_total\{[^}]*outcome="dead"[^}]*\} 1/);
    demo.child.kill('SIGINT');
    assert.equal(await demo.exit, 0, demo.output.stderr);
    await assert.rejects(fetch(metrics), 'dev has ended with it');
  } finally {
    demo.child.kill('SIGTERM');
  }
});

test('a demo whose run cannot be done says why, and fails', async () => {
  const demo = startDemo([], { ...ENVIRONMENT, ANTHROPIC_API_KEY: 'no\nkey' });
  assert.equal(await demo.exit, 1);
  assert.match(demo.output.stderr, /^demo: the run ended as handed_back \(Unauthorized\) instead of done: .*API key/);
  assert.doesNotMatch(demo.output.stderr, /\n +at /, 'no stack trace');
});

test('a demo that is asked for something else says what there is', async () => {
  const demo = startDemo(['--bogus']);
  assert.equal(await demo.exit, 2);
  assert.match(demo.output.stderr, /--bogus[\s\S]*usage: npm run demo/);
});

/** Tells the story of the sample with a model behind it. */
async function tellWith(stub: ClaudeStub): Promise<string> {
  await using sample = await sampleCopy('pr-reviewer.yaml', { claudeUrl: stub.url });
  const dev = startDevChild([sample.file, '--capture-outputs', '--port', '0', '--metrics-port', '0'], () => {});
  let text = '';
  const write = (line: string) => {
    text += `${line}\n`;
  };
  try {
    const ready = await dev.line('dev to be ready', ({ msg }) => msg === 'ready', 30_000);
    const [url = ''] = ready.webhooks as readonly string[];
    await tellStory({
      dev,
      page: createPage({ out: write, err: write }, false),
      agent: { namespace: 'platform', name: 'pr-reviewer' },
      webhook: { url, secret: 'only-for-the-first-try' },
      delivery: DELIVERY,
    });
    return text;
  } finally {
    dev.stop();
    assert.equal(await dev.exit, 0);
  }
}

test('with a model the story has its words, its tokens and what they cost, of one call', async () => {
  const stub = await startClaudeStub({
    script: () => ({ text: '1. Is the README right?\n2. Who reads it?\n3. Ship it.', usage: { input: 1200, output: 40 } }),
  });
  try {
    const text = await tellWith(stub);
    assert.equal(stub.ledger().length, 1, 'neither the duplicate nor the dead letter was paid for');
    assertStory(text, [
      /tokens +1200 in, 40 out\n/,
      /cost +\$0\.002800\n/,
      /the review:\n.*1\. Is the README right\?\n.*2\. Who/,
      /✔ duplicate/,
    ]);
    const billed = stub.ledger()[0]?.billed;
    assert.ok(billed !== undefined && text.includes(usdText(costNanoUsd('claude-sonnet-5-5', billed) ?? -1)));
  } finally {
    await stub.close();
  }
});

test('a story whose model refuses the key ends with the reason', async () => {
  const stub = await startClaudeStub({ apiKey: 'another' });
  try {
    await assert.rejects(tellWith(stub), (error) => error instanceof DemoFailed && /handed_back \(Unauthorized\)/.test(error.message));
  } finally {
    await stub.close();
  }
});

test('whoever waits for a line that does not come is told what was waited for', async () => {
  const seen: LogLine[] = [];
  const dev = startDevChild([join(SAMPLES, 'none.yaml')], (line) => seen.push(line));
  await assert.rejects(
    dev.line('a miracle', () => false, 1),
    (error) => error instanceof DemoFailed && error.code === 'TooLate' && /waited 0\.001 s for a miracle/.test(error.message),
  );
  await assert.rejects(
    dev.line('it to be ready', ({ msg }) => msg === 'ready', 30_000),
    (error) => error instanceof DemoFailed && error.code === 'DevEnded' && /none\.yaml: there is no such file/.test(error.message),
  );
  assert.equal(await dev.exit, 2);
  assert.deepEqual(seen, []);
});
