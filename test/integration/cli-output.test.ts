import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { bareEnvironment } from '../support/bare-environment.ts';
import { eventually } from '../support/eventually.ts';
import { SAMPLES } from '../support/sample-copy.ts';
import { createWatchable } from '../support/until.ts';

const CLI = join(import.meta.dirname, '../../src/cli');
const SAMPLE = join(SAMPLES, 'pr-reviewer.yaml');
const DEV = [join(CLI, 'main.ts'), 'dev', SAMPLE, '--offline', '--capture-outputs', '--port', '0', '--metrics-port', '0'];

/** A process of ours, and what it says. */
function run(args: readonly string[], stdout: 'pipe' | number = 'pipe') {
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'], env: bareEnvironment() });
  const said = { stdout: '', stderr: '' };
  const watchable = createWatchable();
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
      watchable.changed();
    });
  return { child, said, until: watchable.until, exit: once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string) };
}

/** The process that a process has started. */
function childOf(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

suite('a standard output that takes no more', { concurrency: 2 }, () => {
  test('ends dev as SIGTERM does, without a trace of it', async () => {
    const dev = run(DEV);
    try {
      await dev.until('dev is ready', () => dev.said.stdout.includes(' ready '));
      const [, gateway = ''] = /gateway=(\S+)/.exec(dev.said.stdout) ?? [];
      dev.child.stdout?.destroy();
      await fetch(`${gateway}/nowhere`, { method: 'POST' });
      assert.deepEqual([await dev.exit, dev.said.stderr], [0, '']);
    } finally {
      dev.child.kill('SIGKILL');
    }
  });

  test('is no fault of a command whose reader has seen enough', async () => {
    const render = run([join(CLI, 'main.ts'), 'render', SAMPLE]);
    render.child.stdout?.destroy();
    assert.deepEqual([await render.exit, render.said.stderr], [0, '']);
  });

  for (const command of ['render', 'validate', '--help'])
    test(`fails ${command} where a disk is full`, async () => {
      const full = run([join(CLI, 'main.ts'), command, ...(command === '--help' ? [] : [SAMPLE])], openSync('/dev/full', 'w'));
      assert.equal(await full.exit, 1);
      assert.match(
        full.said.stderr,
        /^eventagent: standard output cannot be written: ENOSPC: no space left on device.*: make room, or write elsewhere\n$/,
      );
    });

  test('fails dev where a disk is full', async () => {
    const full = run(DEV, openSync('/dev/full', 'w'));
    assert.equal(await full.exit, 1);
    assert.match(full.said.stderr, /^eventagent: standard output cannot be written: ENOSPC/);
  });

  test('ends the demo, and what it has started', async () => {
    const demo = run([join(CLI, 'demo.ts')]);
    await demo.until('it has begun', () => demo.said.stdout !== '');
    const dev = childOf(demo.child.pid);
    demo.child.stdout?.destroy();
    assert.deepEqual([await demo.exit, demo.said.stderr], [0, '']);
    await eventually('dev has ended', async () => !isAlive(dev));
  });
});

suite('the demo', { concurrency: 3 }, () => {
  for (const signal of ['SIGKILL', 'SIGHUP', 'SIGTERM'] as const)
    test(`leaves nothing behind after ${signal}`, async () => {
      const demo = run([join(CLI, 'demo.ts'), '--keep']);
      await demo.until('it is told', () => demo.said.stdout.includes('Still running'));
      const dev = childOf(demo.child.pid);
      assert.ok(isAlive(dev));
      demo.child.kill(signal);
      assert.equal(await demo.exit, signal === 'SIGTERM' ? 0 : signal);
      await eventually('dev has ended', async () => !isAlive(dev));
    });

  test('is reached by a signal to npm, which gives it to its shell', () => {
    const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    assert.match(scripts.demo ?? '', /^exec /);
  });
});
