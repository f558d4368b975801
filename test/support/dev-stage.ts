import { type ClaudeStub, startClaudeStub } from './claude-stub.ts';
import { type DevProcess, type LogLine, manifestFolder, startDev } from './dev-process.ts';
import { type HttpSink, startHttpSink } from './http-sink.ts';

/** `dev` on embedded parts, between a stub of the model and a sink. */
export interface DevStage {
  readonly stub: ClaudeStub;
  readonly sink: HttpSink;
  readonly dev: DevProcess;
}

/** Runs a test on a stage of its own, and takes everything down behind it. */
export async function onStage(
  manifest: (urls: { readonly claudeUrl: string; readonly sinkUrl: string }) => readonly object[],
  body: (stage: DevStage) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const stub = await startClaudeStub();
  const sink = await startHttpSink();
  try {
    await using folder = await manifestFolder(manifest({ claudeUrl: stub.url, sinkUrl: sink.url }));
    await using dev = await startDev([folder.file, ...args]);
    await body({ stub, sink, dev });
  } finally {
    await stub.close();
    await sink.close();
  }
}

/** The lines that say how deliveries ended, of one event or of all. */
export function endsOf(dev: Pick<DevProcess, 'lines'>, eventId?: string): readonly LogLine[] {
  return dev.lines().filter((line) => line.outcome !== undefined && (eventId === undefined || line.eventId === eventId));
}

/** Waits until an event has come to its last end: done, dead, filtered or stale. */
export async function settled(dev: Pick<DevProcess, 'lines' | 'until'>, eventId: string, timeoutMs?: number): Promise<LogLine> {
  const last = () => endsOf(dev, eventId).find(({ outcome }) => ['done', 'dead', 'filtered', 'stale'].includes(String(outcome)));
  await dev.until(`${eventId} is settled`, () => last() !== undefined, timeoutMs);
  const line = last();
  if (line === undefined) throw new Error(`${eventId} is not settled after all`);
  return line;
}
