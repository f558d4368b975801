import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { brokerNames } from '../../src/api/names.ts';
import { sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost } from '../parts/vhost.ts';
import { bareEnvironment } from '../support/bare-environment.ts';
import { deadLetterQueue } from '../support/dead-letter-queue.ts';
import { REVIEWER } from '../support/dead-letter-stage.ts';

const MANY = 100_000;
const BODY_BYTES = 2_000;

/** Node grows as it pleases where it sees much memory; with so little, whoever kept all dead letters would end. Their bodies alone are nearly 200 MB. */
const SMALL_HEAP = ['--max-old-space-size=64', '--max-semi-space-size=2'];
const MOST_MIB = 220;

const { dead } = brokerNames(REVIEWER);
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

for (const version of ['3.10', '4.3'] as const)
  test(`a hundred thousand dead letters are looked at in little memory, and stay, RabbitMQ ${version}`, async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq(version));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    await using queue = await deadLetterQueue(vhost);
    const content = { body: Buffer.alloc(BODY_BYTES, 'x'), contentType: 'text/plain' };
    for (let from = 0; from < MANY; from += 10_000)
      await queue.bury(
        Array.from({ length: 10_000 }, (_, index) => ({ id: `event-${from + index}`, error: `output sink${index % 7} failed`, content })),
      );

    for (const command of ['ls', 'export'] as const) {
      const startedAt = performance.now();
      const child = spawn(process.execPath, [...SMALL_HEAP, MAIN, 'dlq', command, 'test/reviewer'], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: bareEnvironment({ EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl }),
      });
      let peakMib = 0;
      const look = setInterval(() => {
        peakMib = Math.max(peakMib, peakOf(child.pid ?? 0));
      }, 100);
      let lines = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte === 10) lines += 1;
      });
      const [code] = (await once(child, 'close')) as [number | null];
      clearInterval(look);
      assert.equal(code, 0);
      assert.equal(lines, command === 'ls' ? 9 : MANY);
      t.diagnostic(`${command}: ${Math.round(performance.now() - startedAt)} ms, ${peakMib} MiB`);
      assert.ok(peakMib > 0 && peakMib < MOST_MIB, `${command} took ${peakMib} MiB`);
      await queue.ready(dead, MANY);
    }
  });

/** The most memory that a process has had so far, in MiB; 0 once it has ended. */
function peakOf(pid: number): number {
  try {
    return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
