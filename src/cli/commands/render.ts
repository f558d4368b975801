import { stringify } from 'yaml';
import { compileSchedule } from '../../compile/schedule.ts';
import { RefusedInput } from '../exit.ts';
import { load, missingAgent, redrivesLeftOut } from '../load.ts';
import type { Terminal } from '../terminal.ts';

/** Stands for what the API server gives each AgentSchedule. */
const NO_UID = '(set by the API server)';

/**
 * `eventagent render FILE|DIR…`: what each agent becomes, as YAML: broker topology, runner configuration, gateway routes; and what each schedule does: the configuration of its
 * ticks. Throws as `validate`, and `RefusedInput` where the agent of a schedule is missing.
 */
export function render(paths: readonly string[], terminal: Terminal): void {
  const loaded = load(paths);
  const { agents, schedules } = loaded;
  for (const line of [...loaded.passedOver, ...redrivesLeftOut(loaded)]) terminal.err(`warning: ${line}`);
  const missing = schedules.flatMap((schedule) => missingAgent(schedule) ?? []);
  if (missing.length > 0) throw new RefusedInput(missing);
  const show = (value: unknown) => {
    // YAML 1.1, so that readers written in Go take no `on` for a boolean.
    const text = stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
    terminal.out(`---\n${text.trimEnd()}`);
  };
  for (const { compiled } of agents) {
    const { topology, runner, routes, typePatterns } = compiled;
    show({ topology, runner, routes, typePatterns });
  }
  for (const { schedule, agent } of schedules)
    if (agent !== undefined) show({ tick: compileSchedule(schedule, agent.agent, { uid: NO_UID }) });
}
