import { isPriced } from '../api/prices.ts';
import { scheduleWarnings } from '../compile/schedule-warnings.ts';
import { warningsFor } from '../compile/warnings.ts';
import { type Loaded, located, missingAgent } from './load.ts';

/** What is legal in the given files and unwise, and what of them was not looked at, as lines of output. `now` in milliseconds. */
export function warningsIn({ agents, schedules, passedOver }: Loaded, now: number): readonly string[] {
  return [
    ...passedOver,
    ...agents.flatMap(({ agent, placeOf }) => warningsFor(agent, isPriced).map((problem) => located(placeOf, problem))),
    ...schedules.flatMap((schedule) => missingAgent(schedule) ?? []),
    ...schedules.flatMap(({ schedule, agent, placeOf }) =>
      scheduleWarnings(schedule, agent?.agent, now).map((problem) => located(placeOf, problem)),
    ),
  ];
}
