import { systemClock } from '../../lib/clock.ts';
import { load } from '../load.ts';
import type { Terminal } from '../terminal.ts';
import { warningsIn } from '../warnings.ts';

/** `eventagent validate FILE|DIR…`: the API server's verdict, what it cannot see, and what is legal and unwise. Throws `RefusedInput` or `InputError`. */
export function validate(paths: readonly string[], terminal: Terminal): void {
  const loaded = load(paths);
  const { agents, schedules, redrives } = loaded;
  const warnings = warningsIn(loaded, systemClock.now());
  for (const warning of warnings) terminal.err(`warning: ${warning}`);
  const names = [
    ...agents.map(({ agent }) => `${agent.metadata.namespace}/${agent.metadata.name}`),
    ...schedules.map(({ schedule }) => `AgentSchedule ${schedule.metadata.namespace}/${schedule.metadata.name}`),
    ...redrives.map(({ redrive: { metadata } }) => `DeadLetterRedrive ${metadata.namespace}/${metadata.name}`),
  ].join(', ');
  terminal.out(`valid: ${names}${warnings.length === 0 ? '' : ` (${warnings.length} warning${warnings.length === 1 ? '' : 's'})`}`);
}
