/** What a Job makes of the exit code of its pod. */
export type JobVerdict = 'Complete' | 'Fail' | 'Retry' | 'Ignore';

/** What becomes of the Job, as the reference page says it. */
export const jobVerdicts: Readonly<Record<JobVerdict, string>> = {
  Complete: 'has succeeded',
  Fail: 'has failed at once',
  Retry: 'starts another pod, after a while, as often as it may',
  Ignore: 'starts another pod, which does not count as a failure',
};
