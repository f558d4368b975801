import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { goPrograms } from './go/programs.ts';

/** What is asked of the cron library of kube-controller-manager. */
export interface CronQuestions {
  readonly expressions: readonly string[];
  readonly zones: readonly string[];
  readonly times: readonly CronMoment[];
}

/** When does an expression fire after this, so many times in a row? */
export interface CronMoment {
  readonly expression: string;
  readonly zone: string;
  readonly afterMs: number;
  readonly count: number;
}

/** Its answers, in the order of the questions. */
export interface CronAnswers {
  /** Whether the API server takes the expression, or the zone. */
  readonly expressions: readonly boolean[];
  readonly zones: readonly boolean[];
  /** Seconds since the epoch; fewer than asked for where there is no further time, null where the library turns in circles. */
  readonly times: readonly (readonly number[] | null)[];
}

/**
 * The library itself, called by a small Go program, on the time zones that came with Go. The program is built where it is missing. Throws `PartUnavailable` where that cannot
 * be done.
 */
export async function cronOracle(): Promise<(questions: CronQuestions) => Promise<CronAnswers>> {
  const source = await readFile(join(import.meta.dirname, 'go/cron/main.go'));
  const name = `cron-oracle-${createHash('sha256').update(source).digest('hex').slice(0, 10)}`;
  const module = 'github.com/robfig/cron/v3';
  const program = join(await goPrograms({ pins: 'cron', module, packages: { [name]: 'eventagent.dev/test/cron' } }), name);
  const ZONEINFO = join((await run('go', ['env', 'GOROOT'])).trim(), 'lib/time/zoneinfo.zip');
  return async (questions) => JSON.parse(await answered(program, JSON.stringify(questions), { ...process.env, ZONEINFO })) as CronAnswers;
}

function answered(program: string, input: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'], env });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(output).toString('utf8'));
      else reject(new Error(`${program} ended with ${code}`));
    });
    child.stdin.end(input);
  });
}
