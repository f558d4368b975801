/** The intervals that cron can say without a gap at the end of the hour or of the day, and the cron expression of each. */
export const everyToCron = {
  '1m': '* * * * *',
  '2m': '*/2 * * * *',
  '3m': '*/3 * * * *',
  '4m': '*/4 * * * *',
  '5m': '*/5 * * * *',
  '6m': '*/6 * * * *',
  '10m': '*/10 * * * *',
  '12m': '*/12 * * * *',
  '15m': '*/15 * * * *',
  '20m': '*/20 * * * *',
  '30m': '*/30 * * * *',
  '1h': '0 * * * *',
  '2h': '0 */2 * * *',
  '3h': '0 */3 * * *',
  '4h': '0 */4 * * *',
  '6h': '0 */6 * * *',
  '8h': '0 */8 * * *',
  '12h': '0 */12 * * *',
  '24h': '0 0 * * *',
} as const;

/** An interval of `spec.every`. */
export type Every = keyof typeof everyToCron;

/** The cron expression of an interval: on the full minute, counted from the full hour or from midnight of the schedule's time zone. */
export function cronOf(every: Every): string {
  return everyToCron[every];
}
