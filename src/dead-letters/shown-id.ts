import type { DeadLetter } from '../api/dead-letter.ts';
import type { Message } from '../api/message.ts';
import { digest } from '../api/names.ts';

/** What a dead letter's event is called: its id, or, where it has none, one made of its body. */
export function shownId({ envelope }: DeadLetter, { body }: Message): string {
  return envelope.attributes.id ?? `unidentified-${digest(body.toString('base64')).slice(0, 12)}`;
}
