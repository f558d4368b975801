import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Answer, Question, Usage } from './role.ts';

/** A process that plays a role of a benchmark. It ends with this one, whatever becomes of that. */
export interface BenchProcess<Ready> extends AsyncDisposable {
  /** What it said when it was ready. */
  readonly ready: Ready;
  /** Has it do something, and waits for the end of it. Rejects with what it threw, or when it has ended. */
  ask<Result>(command: string, argument?: unknown): Promise<Result>;
  usage(): Promise<Usage>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process that takes longer to close what it holds is killed. */
const CLOSE_DEADLINE_MS = 10_000;

/** Starts a file that calls `playRole`, of this folder or anywhere, and waits until it is ready. What it writes to standard output goes nowhere. */
export async function startProcess<Ready = undefined>(
  file: string,
  options: unknown = null,
  execArgv: readonly string[] = [],
): Promise<BenchProcess<Ready>> {
  const child = fork(resolve(import.meta.dirname, file), [JSON.stringify(options)], {
    execArgv: [...execArgv],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, Waiting>();
  let questions = 0;
  const wait = (id: number) => new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
  child.on('message', (answer: Answer) => {
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) caller?.reject(new Error(`${file}: ${answer.error}`));
    else caller?.resolve(answer.value);
  });
  // Not 'close', which never comes where the channel was let go of.
  const ended = once(child, 'exit').then(([code, signal]) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${signal ?? code}`));
    waiting.clear();
  });
  const ready = (await wait(0)) as Ready;
  const ask = async <Result>(command: string, argument?: unknown): Promise<Result> => {
    questions += 1;
    const question: Question = { id: questions, command, argument };
    const answered = wait(question.id);
    child.send(question);
    return (await answered) as Result;
  };
  return {
    ready,
    ask,
    usage: () => ask<Usage>('usage'),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      const deadline = setTimeout(() => child.kill('SIGKILL'), CLOSE_DEADLINE_MS);
      await ended;
      clearTimeout(deadline);
    },
  };
}
