import { deadLetterHeaders } from '../../src/api/dead-letter.ts';
import { defaultIdempotencyKey, messageFor, type Progress } from '../../src/api/event.ts';
import { fingerprintOf } from '../../src/api/fingerprint.ts';
import type { Headers, Message } from '../../src/api/message.ts';
import { type AgentRef, brokerNames } from '../../src/api/names.ts';
import type { DeadLetterReason } from '../../src/api/reasons.ts';
import type { EventRecord } from '../../src/api/record.ts';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedBrokerOptions } from '../../src/broker/embedded.ts';
import type { BrokerConnection } from '../../src/broker/port.ts';
import { topologyFor } from '../../src/compile/topology.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { OwnedStore } from '../../src/store/port.ts';
import { eventAgent } from './agent.ts';
import { never } from './embedded-table.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

/** The agent whose dead letters a test looks at. */
export const REVIEWER: AgentRef = { namespace: 'test', name: 'reviewer' };

/** Its names on the broker. */
export const reviewerNames = brokerNames(REVIEWER);

/** What a dead letter of a test deviates in. */
export interface BuriedLetter {
  readonly id: string;
  readonly source?: string;
  readonly type?: string;
  readonly reason?: DeadLetterReason;
  readonly error?: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  readonly progress?: Partial<Progress>;
  readonly headers?: Headers;
  readonly content?: { readonly body: Buffer; readonly contentType?: string };
}

/** When the dead letters of tests died, and an hour before were first published, unless said otherwise. */
export const DEAD_AT = Date.UTC(2026, 0, 2);

/** The key that an event of a test is known by. */
export const keyOf = ({ id, source = '/tests' }: Pick<BuriedLetter, 'id' | 'source'>): string => defaultIdempotencyKey({ id, source });

/** A dead letter as a runner publishes it. */
export function buriedMessage(letter: BuriedLetter): Message {
  const { id, source = '/tests', type = 'test', reason = 'OutputRejected', error = 'output sink answered 422', at = DEAD_AT } = letter;
  const { progress = {}, headers = {}, content = { body: Buffer.from('{"n": 1}'), contentType: 'application/json' } } = letter;
  const publishedAt = at - 3_600_000;
  const known = { attempt: 1, gen: 0, key: keyOf({ id, source }), ...progress };
  const message = messageFor({ id, source, type, extensions: {}, hop: 0 }, content, publishedAt, known);
  const decision = { kind: 'dead' as const, reason, error, fingerprint: fingerprintOf(reason, error), attempts: known.attempt, at };
  return { ...message, headers: { ...message.headers, ...deadLetterHeaders(decision, publishedAt), ...headers } };
}

/** A record as it stands behind a dead letter. */
export function deadRecord(change: Partial<EventRecord> = {}): EventRecord {
  return { gen: 0, attempt: 1, phase: 'dead', fence: 'old', starts: 0, startedAt: 1, outputs: {}, ...change };
}

/** The agent's queues on an embedded broker, an empty store, and a clock that stands still. */
export interface DeadLetterStage {
  readonly clock: VirtualClock;
  readonly broker: EmbeddedBroker;
  readonly connection: BrokerConnection;
  readonly store: OwnedStore;
  /** Waits for something, with the clock moved as far as that takes. */
  finish<Result>(result: Promise<Result>): Promise<Result>;
  /** Puts dead letters into the queue, in this order. */
  bury(...letters: readonly BuriedLetter[]): Promise<void>;
  record(id: string, record: EventRecord): Promise<void>;
  /** Ids of what lies in a queue in nobody's hands. */
  ready(queue: string): readonly (string | undefined)[];
}

/** Sets the stage. */
export async function deadLetterStage(options: EmbeddedBrokerOptions = {}): Promise<DeadLetterStage> {
  const clock = createVirtualClock(DEAD_AT + 86_400_000);
  const broker = createEmbeddedBroker({ clock, profile: '4.3', ...options });
  const store = createMemoryStore(clock);
  const connection = broker.connect();
  const finish: DeadLetterStage['finish'] = async (result) => {
    let done = false;
    const settled = result
      .catch(() => {})
      .finally(() => {
        done = true;
      });
    void settled;
    await clock.runUntil(() => done, 30 * 86_400_000);
    return await result;
  };
  const { exchanges, queues, bindings } = topologyFor(eventAgent(REVIEWER), 'ea');
  for (const exchange of exchanges) await finish(broker.admin.apply({ do: 'declare-exchange', exchange }, never));
  for (const queue of queues) await finish(broker.admin.apply({ do: 'declare-queue', queue }, never));
  for (const binding of bindings) await finish(broker.admin.apply({ do: 'bind', binding }, never));
  const publisher = await finish(connection.openChannel({ prefetch: 1 }, never));
  return {
    clock,
    broker,
    connection,
    store,
    finish,
    bury: async (...letters) => {
      const { exchange } = reviewerNames;
      for (const letter of letters) await finish(publisher.publish({ ...buriedMessage(letter), exchange, routingKey: 'dead' }));
    },
    record: async (id, record) => {
      await finish(store.replace({ agent: REVIEWER, event: keyOf({ id }) }, 0, { record, leaseMs: 0 }));
    },
    ready: (queue) => broker.messages(queue).flatMap(({ state, messageId }) => (state === 'ready' ? [messageId] : [])),
  };
}
