import type { Channel, Delivery } from '../broker/port.ts';
import { follow } from '../lib/follow.ts';
import { type Arrival, arrivalOf } from './arrival.ts';
import { Fenced } from './claim.ts';
import type { Intake } from './intake.ts';
import type { Outcome } from './outcome.ts';
import { pipeline } from './pipeline.ts';
import type { RunnerPorts } from './ports.ts';
import type { Program } from './program.ts';
import type { ProviderPause } from './provider-pause.ts';
import { type Settlement, settlementFor } from './settle.ts';
import { carryOut, DeliveryLost } from './settling.ts';
import type { Solo } from './solo.ts';
import type { Purchase } from './spending.ts';
import { type Taken, takeEvent } from './take-event.ts';
import type { Witness } from './witness.ts';

/** What the lives of an agent's events share. */
export interface Agent {
  readonly program: Program;
  readonly ports: RunnerPorts;
  readonly intake: Intake;
  readonly solo: Solo;
  readonly provider: ProviderPause;
  readonly witness: Witness;
  /** Aborted when the runner is to stop: steps under way are finished, no other begins. */
  readonly stop: AbortSignal;
}

/** A delivery, and what its slot does with it. */
export interface Held {
  readonly delivery: Delivery;
  readonly channel: Channel;
  readonly publishing: () => Promise<Channel>;
  readonly acknowledge: () => Promise<void>;
  /** Aborted when the delivery may be held no longer. */
  readonly hold: AbortSignal;
}

/** The life of one delivery, to its settlement. Rejects with the hold signal's reason when it took too long; nothing is settled then. */
export async function lifeOf(agent: Agent, held: Held): Promise<void> {
  for (;;) {
    const arrival = arrivalOf(held.delivery, agent.program, agent.ports.clock.now());
    const taken = await take(agent, held, arrival);
    try {
      const ended = await endingOf(agent, held, arrival, taken);
      if ((await settle(agent, held, arrival, taken, ended)) === 'settled') return;
    } finally {
      if ('claim' in taken) {
        taken.claim.release();
        taken.admission.release();
      }
    }
  }
}

/** How a run ended, and what it bought. */
interface Ended {
  readonly outcome: Outcome;
  readonly purchases: readonly Purchase[];
  /** When the run began; missing where nothing was run. */
  readonly startedAt?: number;
}

async function take(agent: Agent, held: Held, arrival: Arrival): Promise<Taken | { readonly outcome: Outcome }> {
  const { program, ports, solo, intake } = agent;
  const { next, eventKey, envelope } = arrival;
  if (eventKey === undefined && 'outcome' in next) return next;
  // Put off, or filtered out at its first delivery: there is nothing to remember.
  if ('outcome' in next && next.outcome.kind === 'wait') return next;
  if ('outcome' in next && next.outcome.kind === 'filtered' && !held.delivery.redelivered) return next;
  const { delivery, idempotency, agent: ref } = program.configuration;
  return takeEvent(ports, solo, intake, {
    agent: ref,
    eventKey: eventKey ?? '',
    copy: envelope.progress,
    publishedAt: envelope.publishedAt,
    ttlMs: delivery.eventTtlMs,
    retentionMs: idempotency.retentionMs,
    hold: held.hold,
  });
}

async function endingOf(agent: Agent, held: Held, arrival: Arrival, taken: Taken | { readonly outcome: Outcome }): Promise<Ended> {
  if (!('claim' in taken)) return { outcome: taken.outcome, purchases: [] };
  if (taken.outcome !== undefined) return { outcome: taken.outcome, purchases: [] };
  if ('outcome' in arrival.next) return { outcome: arrival.next.outcome, purchases: [] };
  return run(agent, held, arrival, arrival.next.event, taken);
}

async function run(
  agent: Agent,
  held: Held,
  arrival: Arrival,
  event: Extract<Arrival['next'], { event: unknown }>['event'],
  taken: Taken,
): Promise<Ended> {
  const { program, ports, provider, witness, stop } = agent;
  const { claim } = taken;
  const startedAt = ports.clock.now();
  const abort = new AbortController();
  let timedOut = false;
  const timer = ports.clock.timer(program.configuration.delivery.runTimeoutMs, () => {
    timedOut = true;
    abort.abort(new Error('the run timed out'));
  });
  const unfollow = [follow(claim.lost, abort), follow(held.hold, abort)];
  const purchases: Purchase[] = [];
  witness.started(arrival, claim.record, startedAt);
  try {
    const outcome = await pipeline({
      program,
      ports,
      event,
      eventKey: arrival.eventKey ?? '',
      claim,
      abort: abort.signal,
      stops: [stop, held.channel.ended],
      interruption: () => interruption(agent, held, timedOut),
      onPurchase: (purchase) => {
        purchases.push(purchase);
        witness.bought(purchase);
        if (!purchase.estimated) provider.succeeded();
      },
    });
    held.hold.throwIfAborted();
    return { outcome: claim.lost.aborted ? { kind: 'fenced' } : outcome, purchases, startedAt };
  } finally {
    timer.cancel();
    for (const end of unfollow) end();
  }
}

/** Asked before each step: is there a reason not to begin it? */
function interruption({ program, stop }: Agent, held: Held, timedOut: boolean): Outcome | undefined {
  held.hold.throwIfAborted();
  if (held.channel.ended.aborted) return { kind: 'delivery-lost' };
  if (timedOut) {
    const seconds = program.configuration.delivery.runTimeoutMs / 1000;
    return { kind: 'transient', reason: 'RunTimeout', error: `the run took longer than ${seconds} s` };
  }
  if (stop.aborted) return { kind: 'hand-back', reason: 'Shutdown', error: 'the runner is stopping', pause: false };
  return undefined;
}

async function settle(
  agent: Agent,
  held: Held,
  arrival: Arrival,
  taken: Taken | { readonly outcome: Outcome },
  ended: Ended,
): Promise<'settled' | 'retake'> {
  const { program, ports, provider, witness } = agent;
  const { outcome } = ended;
  const { delivery, idempotency } = program.configuration;
  if (outcome.kind === 'hand-back' && outcome.pause) provider.failed(outcome.retryAfterMs ?? 0);
  const { progress } = arrival.envelope;
  const wanted = settlementFor(outcome, {
    progress,
    maxAttempts: delivery.maxAttempts,
    retryDelaysMs: delivery.retryDelaysMs,
    now: ports.clock.now(),
  });
  // The broker has it back already: a second copy would only be dropped.
  const settlement: Settlement = wanted.do === 'return' && held.channel.ended.aborted ? { do: 'leave' } : wanted;
  try {
    const result = await carryOut(settlement, {
      delivery: held.delivery,
      envelope: arrival.envelope,
      claim: 'claim' in taken ? taken.claim : undefined,
      names: program.names,
      clock: ports.clock,
      retentionMs: idempotency.retentionMs,
      publishing: held.publishing,
      acknowledge: held.acknowledge,
      onRefused: witness.refused,
      hold: held.hold,
    });
    if (result === 'settled') witness.ended(arrival, outcome, settlement, ended);
    return result;
  } catch (error) {
    if (error instanceof Fenced) return 'retake';
    if (!(error instanceof DeliveryLost)) throw error;
    // Everything is written; the broker delivers the event once more, and the record drops that copy.
    witness.ended(arrival, outcome, settlement, ended);
    return 'settled';
  }
}
