import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type RabbitVersion, rabbitVersions } from '../parts/rabbitmq.ts';
import type { ClaudeStub } from '../support/claude-stub.ts';
import { type DevProcess, manifestFolder, startDev } from '../support/dev-process.ts';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import type { HttpSink } from '../support/http-sink.ts';
import { onRealStage } from '../support/real-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';

/** A lease, a wait, and the run: what it takes until a killed process's event is done by another. */
const TAKEOVER_MS = 90_000;

interface Stage {
  readonly stub: ClaudeStub;
  readonly sink: HttpSink;
  readonly first: DevProcess;
}

interface Phase {
  readonly name: string;
  /** Sets the scene and resolves when the process is in the phase. */
  readonly reach: (stage: Stage) => Promise<void>;
  /** How often the model is paid in all. */
  readonly bought: number;
}

/** Never opened: what waits for it is under way until the process dies. */
const shut = () => createGate().opened;

const phases: readonly Phase[] = [
  {
    name: 'while the model has not begun to answer',
    bought: 2,
    reach: async ({ stub }) => {
      stub.next({ hold: { at: 'headers', until: shut() } });
      await stub.until('the call is held', () => stub.underWay(1) === 'headers');
    },
  },
  {
    name: 'in the middle of the answer',
    bought: 2,
    reach: async ({ stub }) => {
      stub.next({ hold: { at: 'stream', until: shut() } });
      await stub.until('the stream is held', () => stub.underWay(1) === 'stream');
    },
  },
  {
    name: 'after the first output had its effect, before its answer',
    bought: 1,
    reach: async ({ sink }) => {
      sink.script(({ ordinal }) => (ordinal === 1 ? { until: shut() } : {}));
      await sink.until('the request is held', () => sink.effects().length === 1);
    },
  },
  {
    name: 'between two outputs',
    bought: 1,
    reach: async ({ sink }) => {
      sink.script(({ ordinal }) => (ordinal === 2 ? { until: shut(), effect: false } : {}));
      await sink.until('the second request is held', () => sink.requests().length === 2);
    },
  },
  {
    name: 'while the event waits in a retry tier',
    bought: 1,
    reach: async ({ sink, first }) => {
      sink.script(({ ordinal }) => (ordinal === 1 ? { status: 503 } : {}));
      await first.until('it is put off', (lines) => lines.some(({ outcome }) => outcome === 'retried'));
    },
  },
  {
    name: 'while the provider is overloaded and nothing is taken',
    bought: 1,
    reach: async ({ stub, first }) => {
      stub.next({ status: 529 });
      await first.until('it is handed back', (lines) => lines.some(({ outcome }) => outcome === 'handed_back'));
    },
  },
];

// All at once: most of the time passes in leases and waits.
suite('kill -9 of dev in each phase of a run', { concurrency: true }, () => {
  for (const [index, phase] of phases.entries()) {
    const version: RabbitVersion = rabbitVersions[index % rabbitVersions.length] ?? '4.3';
    test(`kill -9 ${phase.name}: done once, RabbitMQ ${version}`, (t) =>
      onRealStage(t, version, async ({ stub, sink, parts }) => {
        await using manifest = await manifestFolder(
          reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, outputs: ['one', 'two'], delivery: { retryDelaysSeconds: [1] } }),
        );
        await using first = await startDev([manifest.file, ...parts]);
        const reached = phase.reach({ stub, sink, first });
        assert.equal(await deliver(first.gatewayUrl, 'event-1'), 202);
        await reached;
        await first.kill();

        await using second = await startDev([manifest.file, ...parts]);
        await second.until('the event is done', (lines) => lines.some(({ outcome }) => outcome === 'done'), TAKEOVER_MS);
        const paths = sink.effects().map(({ path }) => path);
        assert.deepEqual([paths.length, new Set(paths)], [2, new Set(['/one', '/two'])], 'each output had its effect once');
        assert.deepEqual(sink.conflicts(), [], 'a repeated request is the same request');
        assert.equal(stub.received().length - stub.ledger().filter(({ status }) => status === 529).length, phase.bought);
        assert.equal(await deliver(second.gatewayUrl, 'event-1'), 202);
        await second.until("the sender's retry is a duplicate", (lines) => lines.some(({ outcome }) => outcome === 'duplicate'));
        second.signal('SIGTERM');
        assert.equal(await second.exit, 0);
      }));
  }
});
