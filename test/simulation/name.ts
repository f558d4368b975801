import type { Headers } from '../../src/api/message.ts';

/** What the simulation calls an event, whatever its sender calls it: an extension that every copy of it carries. */
export const NAME = 'name';

/** The simulation's name of the event that a message carries. */
export function nameOf(headers: Headers): string {
  return String(headers[`ce-${NAME}`]);
}
