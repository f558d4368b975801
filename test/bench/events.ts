import { messageFor } from '../../src/api/event.ts';
import { type BrokerNames, routingKeys } from '../../src/api/names.ts';
import type { Publication } from '../../src/broker/port.ts';

/** A kind of event that the benchmarks put into queues. */
export interface EventKind {
  readonly body: Buffer;
  readonly type: string;
}

/** Events for an agent as the gateway publishes them, with ids that begin with `idPrefix`. */
export function* eventsFor(names: BrokerNames, { body, type }: EventKind, idPrefix: string, count: number): Generator<Publication> {
  for (let ordinal = 1; ordinal <= count; ordinal += 1) {
    const event = { id: `${idPrefix}-${ordinal}`, source: 'https://github.com/Codertocat/Hello-World', type, extensions: {}, hop: 0 };
    yield {
      ...messageFor(event, { body, contentType: 'application/json' }, Date.now()),
      exchange: names.exchange,
      routingKey: routingKeys.work,
    };
  }
}
