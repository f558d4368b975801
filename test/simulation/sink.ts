import type { Clock } from '../../src/lib/clock.ts';
import { sleep } from '../../src/lib/clock.ts';
import type { Answer, OutgoingRequest, Send } from '../../src/runner/outputs/send.ts';

/** What a sink does with one request: whether it takes it, and what the sender learns. */
export interface SinkScript {
  readonly takes: boolean;
  readonly answer: Answer;
  readonly delayMs: number;
}

export const takesIt: SinkScript = { takes: true, answer: { kind: 'answered', status: 200, rateLimited: false }, delayMs: 50 };

/** Statuses of a proxy that say nothing of the sink behind it. */
const UNKNOWN = new Set([502, 504]);

/** A sink that honours idempotency keys: one effect a key, whatever it answers. */
export interface Sink {
  readonly send: Send;
  /** By idempotency key: the request that took effect. */
  readonly effects: ReadonlyMap<string, OutgoingRequest>;
  /** Keys that were sent with two different requests. */
  readonly contradictions: readonly string[];
  /** How often a request with the key arrived. */
  readonly arrivals: ReadonlyMap<string, number>;
  /** Keys whose request arrived once more although nobody knew what had become of the one before. */
  readonly blindRepeats: readonly string[];
  /** To be told of each answer that reaches a sender that is still alive. */
  heard(idempotencyKey: string, answer: Answer): void;
}

export function createSink(clock: Clock, script: (outgoing: OutgoingRequest) => SinkScript): Sink {
  const effects = new Map<string, OutgoingRequest>();
  const arrivals = new Map<string, number>();
  const sent = new Map<string, string>();
  const unheard = new Set<string>();
  const contradictions: string[] = [];
  const blindRepeats: string[] = [];
  return {
    effects,
    arrivals,
    contradictions,
    blindRepeats,
    async send(outgoing, signal) {
      const { takes, answer, delayMs } = script(outgoing);
      const key = outgoing.idempotencyKey;
      const request = JSON.stringify(outgoing.request);
      if (answer.kind !== 'not-sent') {
        arrivals.set(key, (arrivals.get(key) ?? 0) + 1);
        if (unheard.has(key)) blindRepeats.push(key);
        unheard.add(key);
        if (sent.has(key) && sent.get(key) !== request) contradictions.push(key);
        sent.set(key, request);
        if (takes && !effects.has(key)) effects.set(key, outgoing);
      }
      try {
        await sleep(clock, delayMs, signal);
      } catch {
        return { kind: 'unknown', error: 'aborted' };
      }
      return effects.has(key) && answer.kind === 'answered' && answer.status < 300 ? takesIt.answer : answer;
    },
    heard(key, answer) {
      if (answer.kind === 'answered' && !UNKNOWN.has(answer.status)) unheard.delete(key);
    },
  };
}
