const MINUTE_MS = 60_000;

/**
 * No Job lives longer than this after its slot: it begins within a day of it (`startingDeadlineSeconds`) and ends within seven more (`activeDeadlineSeconds`). A number at the
 * end of a name that is further away is somebody's own, such as a date.
 */
const FARTHEST_MS = 9 * 24 * 3_600_000;

/** The name of the Job that a CronJob makes for a slot. https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/controller/cronjob/cronjob_controllerv2.go, `getJobName` */
export function slotJobName(cronJob: string, slot: number): string {
  return `${cronJob}-${slotMinutes(slot)}`;
}

/**
 * The time that the CronJob has made a Job for, by the Job's name, in milliseconds since the epoch; `undefined` of a Job that somebody made by hand
 * (`kubectl create job NAME --from=cronjob/…`). Kubernetes drops the seconds, which only `@every` has.
 */
export function slotOf(job: string, cronJob: string, now: number): number | undefined {
  const [, minutes] = job.startsWith(`${cronJob}-`) ? (/^([0-9]{1,10})$/.exec(job.slice(cronJob.length + 1)) ?? []) : [];
  if (minutes === undefined) return undefined;
  const slot = Number(minutes) * MINUTE_MS;
  return Math.abs(now - slot) <= FARTHEST_MS ? slot : undefined;
}

/** The id of the event of a slot: the same for every Job that is made for it, and every pod of theirs. */
export function slotEventId(scheduleUid: string, slot: number): string {
  return `${scheduleUid}-${slotMinutes(slot)}`;
}

/** The id of the event of a Job that somebody made by hand: the same for every pod of it. */
export function manualEventId(scheduleUid: string, jobUid: string): string {
  return `${scheduleUid}-manual-${jobUid}`;
}

function slotMinutes(slot: number): number {
  return Math.floor(slot / MINUTE_MS);
}
