import { type AgentRef, brokerNames } from '../api/names.ts';
import type { BrokerConnection } from '../broker/port.ts';
import type { Clock } from '../lib/clock.ts';
import { Folding } from './groups.ts';
import { DeadLetterReading, type Found } from './reading.ts';

/** What a survey works with. */
export interface SurveyPorts {
  readonly connection: BrokerConnection;
  readonly clock: Clock;
  /** A signal that is aborted when the broker has had its time to give us a channel. */
  readonly connect: () => AbortSignal;
}

/** How much of a dead-letter queue was seen. */
export interface Survey {
  /** Dead letters, copies not counted. */
  readonly letters: number;
  /** Further copies of them. */
  readonly copies: number;
  /** Messages that were counted and did not come: somebody else looks at them. */
  readonly unseen: number;
}

/** Shows every dead letter of an agent to `see`, once each, and leaves them where they are. Rejects with `BrokerError`, `DeadLetterError`, or what `see` does. */
export async function survey(
  ports: SurveyPorts,
  agent: AgentRef,
  prefix: string,
  see: (found: Found) => Promise<void> | void,
): Promise<Survey> {
  const names = brokerNames(agent, prefix);
  await using reading = await DeadLetterReading.open({ ...ports, names });
  const folding = new Folding();
  let letters = 0;
  let copies = 0;
  for await (const found of reading.messages(reading.depth)) {
    if (folding.isCopy(found.letter)) {
      copies += 1;
    } else {
      letters += 1;
      await see(found);
    }
  }
  return { letters, copies, unseen: reading.depth - letters - copies };
}

/** What to tell of messages that were not seen, if there are any. */
export function unseenWarning({ unseen }: Survey): readonly string[] {
  return unseen === 0 ? [] : [`warning: ${unseen} more were counted and did not come: somebody else looks at them, or has just taken them`];
}
