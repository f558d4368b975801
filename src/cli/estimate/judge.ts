import type { Message } from '../../api/message.ts';
import type { DeadLetterReason } from '../../api/reasons.ts';
import type { Publication } from '../../broker/port.ts';
import { compileSchedule } from '../../compile/schedule.ts';
import { InputError, messageOf } from '../../lib/errors.ts';
import type { ModelRequest } from '../../model/port.ts';
import { arrivalOf } from '../../runner/arrival.ts';
import { type Program, requestFor } from '../../runner/program.ts';
import { parseSchedule, type Schedule } from '../../schedule/schedule.ts';
import { slotJobName } from '../../schedule/slot.ts';
import { tickOf, tickPublication } from '../../tick/tick-event.ts';
import type { LoadedAgent, LoadedSchedule } from '../load.ts';

/** What an agent makes of an event, before any model is asked. */
export type Judgement =
  | { readonly kind: 'run'; readonly request: ModelRequest }
  | { readonly kind: 'filtered' }
  | { readonly kind: 'dead-letter'; readonly reason: DeadLetterReason; readonly error: string };

/** What the runner of an agent would do with a message, by its own code: parse, key, hop limit, filter, prompt. `now` in milliseconds. */
export function judgementOf(message: Message, program: Program, now: number): Judgement {
  const { exchange } = program.names;
  const { next } = arrivalOf({ ...message, exchange, routingKey: 'work', redelivered: false, tag: 1 }, program, now);
  if ('event' in next) {
    try {
      return { kind: 'run', request: requestFor(program, next.event) };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { kind: 'dead-letter', reason: 'TemplateError', error: messageOf(error) };
    }
  }
  const { outcome } = next;
  if (outcome.kind === 'filtered') return { kind: 'filtered' };
  if (outcome.kind === 'permanent') return { kind: 'dead-letter', reason: outcome.reason, error: outcome.error };
  throw new Error(`a new event cannot end as ${outcome.kind}`);
}

/** The next event of a schedule, as its tick publishes it, and when its times are. `now` in milliseconds. */
export function nextTickOf(
  { schedule }: LoadedSchedule,
  { agent }: LoadedAgent,
  now: number,
): { readonly message: Publication; readonly times: Schedule; readonly cron: string; readonly timeZone: string } {
  const configuration = compileSchedule(schedule, agent, { uid: 'estimate' });
  const { cronJob, cron, timeZone } = configuration;
  const times = parseSchedule(cron, timeZone);
  const slot = times.nextAfter(now) ?? now;
  const tick = tickOf(configuration, { name: slotJobName(cronJob, slot), uid: 'estimate' }, slot);
  return { message: tickPublication(tick, slot), times, cron, timeZone };
}
