import { parseRunnerStatus, type RunnerStatus } from '../../src/api/runner-status.ts';
import type { Pod } from './pods-stage.ts';

/** What a runner tells the operator on `/status`. */
export async function statusOf({ metricsUrl }: Pick<Pod, 'metricsUrl'>): Promise<RunnerStatus> {
  return parseRunnerStatus(await (await fetch(`${metricsUrl}/status`)).text());
}
