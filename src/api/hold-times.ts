/** A run and what follows it may take this much longer than the run alone. */
export const HOLD_MARGIN_MS = 120_000;

/** RabbitMQ takes a delivery away, and its channel with it, after 30 minutes unless told otherwise. https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout */
const USUAL_CONSUMER_TIMEOUT_MS = 30 * 60_000;

/** What is left to spare of the broker's time. */
const SPARE_MS = 60_000;

/** How long a delivery is held at most, in milliseconds: time for the run, for what follows it, and as much again before it. */
export function longestHoldMs(runTimeoutMs: number): number {
  return Math.max(USUAL_CONSUMER_TIMEOUT_MS - SPARE_MS, runTimeoutMs + 2 * HOLD_MARGIN_MS);
}

/** The consumer timeout that a run needs where the usual one is too short for it, in milliseconds. */
export function consumerTimeoutFor(runTimeoutMs: number): number | undefined {
  const needed = longestHoldMs(runTimeoutMs) + SPARE_MS;
  return needed > USUAL_CONSUMER_TIMEOUT_MS ? needed : undefined;
}
