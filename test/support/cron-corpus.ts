import { readFileSync } from 'node:fs';

/** What the cron library of kube-controller-manager says, recorded by `node test/support/record-cron-corpus.ts`. */
export interface CronCorpus {
  /** Whether the API server takes the expression. */
  readonly expressions: Readonly<Record<string, boolean>>;
  /** Whether it takes the time zone. */
  readonly zones: Readonly<Record<string, boolean>>;
  /** When expressions fire in a zone after a time: by expression the next times, in seconds since the epoch; fewer than `CRON_TIMES` where there is no further time, null where the library turns in circles. */
  readonly times: readonly CronTimes[];
}

/** The next times of several expressions in one zone after one time. */
export interface CronTimes {
  readonly zone: string;
  readonly afterMs: number;
  readonly next: Readonly<Record<string, readonly number[] | null>>;
}

/** So many times in a row are asked for. */
export const CRON_TIMES = 3;

/** Where it is recorded. */
export const CRON_CORPUS = new URL('golden/cron-corpus.json', import.meta.url);

/** What was recorded, read anew at each call. */
export function readCronCorpus(): CronCorpus {
  return JSON.parse(readFileSync(CRON_CORPUS, 'utf8')) as CronCorpus;
}
