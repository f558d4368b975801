import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { bareEnvironment } from '../../test/support/bare-environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'eventagent-life-'));
after(() => rmSync(folder, { recursive: true }));

const lib = (name: string) => JSON.stringify(join(import.meta.dirname, name));

let runs = 0;
/** Runs `work` in a process of its own, which gets each of the signals after a line of output; what it left behind. */
async function run(work: string, signals: readonly NodeJS.Signals[] = []) {
  runs += 1;
  const log = join(folder, String(runs));
  const program = `
    import { runProcess, aborted } from ${lib('process-life.ts')};
    import { Termination } from ${lib('termination.ts')};
    import { InputError } from ${lib('errors.ts')};
    const say = (line) => process.stdout.write(line + '\\n');
    await runProcess('test', process.env, async ({ stop }) => { ${work} });
    say('never said');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: bareEnvironment({ EVENTAGENT_TERMINATION_LOG: log }),
  });
  const left = { stdout: '', stderr: '' };
  const waiting = [...signals];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    left.stdout += text;
    const signal = waiting.shift();
    if (signal !== undefined) child.kill(signal);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    left.stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  let lastWords: unknown;
  try {
    lastWords = JSON.parse(readFileSync(log, 'utf8'));
  } catch {
    // None were written.
  }
  return { code, ...left, lastWords };
}

describe('the life of a process', { concurrency: 2 }, () => {
  it('ends with its work, whatever else is open', async () => {
    const left = await run("setInterval(() => {}, 1000); say('done');");
    assert.deepEqual(left, { code: 0, stdout: 'done\n', stderr: '', lastWords: undefined });
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    it(`comes to a good end after ${signal}`, async () => {
      const left = await run("setInterval(() => {}, 1000); say('at work'); await aborted(stop); say('tidied up');", [signal]);
      assert.deepEqual(left, { code: 0, stdout: 'at work\ntidied up\n', stderr: '', lastWords: undefined });
    });

  it('ends at once at the second signal', async () => {
    const left = await run(
      "setInterval(() => {}, 1000); say('at work'); await aborted(stop); say('tidying up'); await new Promise(() => {});",
      ['SIGINT', 'SIGTERM'],
    );
    assert.deepEqual(left, { code: 143, stdout: 'at work\ntidying up\n', stderr: '', lastWords: undefined });
  });

  it('ends with 2 where it was given something wrong', async () => {
    const left = await run("throw new InputError('Usage', 'PORT\\n is wrong');");
    assert.deepEqual(left, {
      code: 2,
      stdout: '',
      stderr: 'eventagent test: PORT is wrong\n',
      lastWords: { reason: 'BadConfiguration', message: 'PORT is wrong' },
    });
  });

  it('ends with 1 where it cannot go on', async () => {
    const left = await run("throw new Termination('BrokerLoginRefused', 'no');");
    assert.deepEqual(left, {
      code: 1,
      stdout: '',
      stderr: 'eventagent test: no\n',
      lastWords: { reason: 'BrokerLoginRefused', message: 'no' },
    });
  });

  for (const [where, work] of [
    ['in its work', "throw new Error('odd');"],
    ['in a timer', "setTimeout(() => { throw new Error('odd'); }, 0); await aborted(stop);"],
    ['in a promise that nobody waits for', "setInterval(() => {}, 1000); void Promise.reject(new Error('odd')); await aborted(stop);"],
  ] as const)
    it(`ends with 1 and a stack at a fault ${where}`, async () => {
      const { code, stderr, lastWords } = await run(work);
      assert.equal(code, 1);
      assert.match(stderr, /^eventagent test: odd\nThis is a fault of eventagent itself; [^\n]+\nError: odd\n {4}at /);
      assert.deepEqual(lastWords, { reason: 'Internal', message: 'odd' });
    });
});
