import { isPriced } from '../../api/prices.ts';
import { scheduleWarnings } from '../../compile/schedule-warnings.ts';
import { warningsFor } from '../../compile/warnings.ts';
import { systemClock } from '../../lib/clock.ts';
import { load, located, missingAgent } from '../load.ts';
import type { Terminal } from '../terminal.ts';

/** `eventagent validate FILE|DIR…`: the API server's verdict, what it cannot see, and what is legal and unwise. Throws `RefusedInput` or `InputError`. */
export function validate(paths: readonly string[], terminal: Terminal): void {
  const { agents, schedules, redrives } = load(paths);
  const warnings = [
    ...agents.flatMap(({ agent, placeOf }) => warningsFor(agent, isPriced).map((problem) => located(placeOf, problem))),
    ...schedules.flatMap((schedule) => missingAgent(schedule) ?? []),
    ...schedules.flatMap(({ schedule, agent, placeOf }) =>
      scheduleWarnings(schedule, agent?.agent, systemClock.now()).map((problem) => located(placeOf, problem)),
    ),
  ];
  for (const warning of warnings) terminal.err(`warning: ${warning}`);
  const names = [
    ...agents.map(({ agent }) => `${agent.metadata.namespace}/${agent.metadata.name}`),
    ...schedules.map(({ schedule }) => `AgentSchedule ${schedule.metadata.namespace}/${schedule.metadata.name}`),
    ...redrives.map(({ redrive: { metadata } }) => `DeadLetterRedrive ${metadata.namespace}/${metadata.name}`),
  ].join(', ');
  terminal.out(`valid: ${names}${warnings.length === 0 ? '' : ` (${warnings.length} warning${warnings.length === 1 ? '' : 's'})`}`);
}
