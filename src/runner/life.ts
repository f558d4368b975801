import type { AgentEvent } from '../api/event.ts';
import { NOTHING_SPENT } from '../api/record.ts';
import { NO_TOKENS } from '../api/tokens.ts';
import type { Channel, Delivery } from '../broker/port.ts';
import { follow } from '../lib/follow.ts';
import { noTracer, type Span } from '../lib/tracing.ts';
import type { ModelRequest } from '../model/port.ts';
import { mayBeTheAgents } from './alike/alike-state.ts';
import type { FailingAlike } from './alike/failing-alike.ts';
import { type Arrival, arrivalOf } from './arrival.ts';
import type { Breaker } from './breaker/breaker.ts';
import type { Buyer, Reserved, Till, Uncounted } from './budget/till.ts';
import { type Claim, Fenced } from './claim.ts';
import type { GrowingPause } from './growing-pause.ts';
import { type Hold, HoldEnded } from './hold.ts';
import type { Outcome } from './outcome.ts';
import { pipeline } from './pipeline.ts';
import type { RunnerPorts } from './ports.ts';
import type { Program } from './program.ts';
import type { RateGate } from './rate/rate-gate.ts';
import { SealError, type SealKey, sealKeys } from './seal/seal.ts';
import { type Settlement, settlementFor } from './settle.ts';
import { carryOut, DeliveryLost } from './settling.ts';
import type { Solo } from './solo.ts';
import { type Purchase, sinceThen, spentWith } from './spending.ts';
import { type Taken, takeEvent } from './take-event.ts';
import { deliverySpan, endDeliverySpan, tracedModel, tracedSend } from './traced.ts';
import type { Witness } from './witness.ts';

/** What the lives of an agent's events share. */
export interface Agent {
  readonly program: Program;
  readonly ports: RunnerPorts;
  readonly solo: Solo;
  readonly breaker: Breaker;
  /** Missing where the agent has no budget. */
  readonly till: Till | undefined;
  /** Missing where it has no limit of its own. */
  readonly rate: RateGate | undefined;
  readonly alike: FailingAlike;
  readonly secret: GrowingPause;
  readonly witness: Witness;
  /** Told when the broker does not take the settling publish of a delivery, why, and when that is over. */
  readonly onRefused: (reason: string | undefined) => void;
  /** Aborted when the runner is to stop: steps under way are finished, no other begins. */
  readonly stop: AbortSignal;
  /** Aborted when steps under way have had their time to finish: they are cut, and the event is handed back. */
  readonly cut: AbortSignal;
}

/** A delivery, and what its slot does with it. */
export interface Held {
  readonly delivery: Delivery;
  readonly channel: Channel;
  readonly publishing: () => Promise<Channel>;
  readonly acknowledge: () => Promise<void>;
  /** Whether the slot may take events now. */
  readonly mayTake: () => boolean;
  /** How long the delivery may be held. */
  readonly hold: Hold;
}

/** How a run ended, and what it bought. */
interface Ended {
  readonly outcome: Outcome;
  readonly purchases: readonly Purchase[];
  /** When the run began; missing where nothing was run. */
  readonly startedAt?: number;
  readonly span: Span;
}

/** A run that has not ended. */
interface UnderWay {
  startedAt?: number;
  readonly purchases: Purchase[];
  readonly span: Span;
}

type Take = Taken | { readonly outcome: Outcome };

/**
 * The life of one delivery, to its settlement. Rejects where it cannot be settled: with `HoldEnded`, or with what nobody expected.
 * The delivery is to go back to the broker then.
 */
export async function lifeOf(agent: Agent, held: Held): Promise<void> {
  for (;;) {
    const { tracer = noTracer, clock } = agent.ports;
    const arrival = arrivalOf(held.delivery, agent.program, clock.now());
    const span = deliverySpan(tracer, agent.program, arrival, clock);
    const taken = await take(agent, held, arrival).catch((error: unknown) => {
      span.end('untaken');
      throw error;
    });
    const run: UnderWay = { purchases: [], span };
    try {
      const outcome = await outcomeOf(agent, held, arrival, taken, run);
      const end = await settle(agent, held, arrival, taken, { outcome, ...run });
      if (end === 'settled') return;
      if (end === 'fenced' && run.startedAt !== undefined) tellEnded(agent, arrival, { kind: 'fenced' }, { do: 'retake' }, run);
    } catch (error) {
      if ('claim' in taken) await giveUp(taken.claim, error instanceof HoldEnded);
      if (run.startedAt !== undefined) tellEnded(agent, arrival, { kind: 'delivery-lost' }, { do: 'leave' }, run);
      throw error;
    } finally {
      span.end();
      if ('claim' in taken) {
        taken.claim.release();
        taken.admission.release();
      }
    }
  }
}

/** Lets the next taker have the event at once. After an error that nobody expected its start counts: an event that causes one each time is not run for ever. */
async function giveUp(claim: Claim, innocent: boolean): Promise<void> {
  const { record } = claim;
  await claim.abandon(innocent && record.phase === 'running' ? { ...record, phase: 'parked', starts: 0 } : record);
}

async function take(agent: Agent, held: Held, arrival: Arrival): Promise<Take> {
  const { program, ports, solo, secret } = agent;
  const { next, eventKey, envelope } = arrival;
  if (eventKey === undefined && 'outcome' in next) return next;
  // Put off, or filtered out at its first delivery: there is nothing to remember, unless there is a record already, or somebody waits for one.
  if ('outcome' in next && next.outcome.kind === 'wait') return next;
  const { tick, gen } = envelope.progress;
  if ('outcome' in next && next.outcome.kind === 'filtered' && !held.delivery.redelivered && !tick && gen === 0) return next;
  const { delivery, idempotency, checkpoints, agent: ref } = program.configuration;
  let keys: readonly SealKey[];
  try {
    keys = sealKeys(checkpoints?.encryptionKeyRefs ?? [], ports.secrets);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    // That of the whole agent: as with a Secret that an output needs, nothing is taken for a while, and no event grows old by it.
    secret.begin().failed(0);
    return { outcome: { kind: 'hand-back', reason: 'SecretMissing', error: error.message } };
  }
  return takeEvent(ports, solo, {
    agent: ref,
    eventKey: eventKey ?? '',
    // Whatever has a key has an id, too.
    event: { id: envelope.attributes.id ?? '', type: envelope.attributes.type },
    copy: envelope.progress,
    publishedAt: envelope.publishedAt,
    ttlMs: delivery.eventTtlMs,
    retentionMs: idempotency.retentionMs,
    // Behind the wait there must be time for the run.
    idleWaitMs: Math.min(delivery.runTimeoutMs, held.hold.spareMs),
    onAlone: () => void held.hold.restart(),
    sealKeys: keys,
    hold: held.hold.signal,
  });
}

async function outcomeOf(agent: Agent, held: Held, arrival: Arrival, taken: Take, run: UnderWay): Promise<Outcome> {
  if (!('claim' in taken)) return taken.outcome;
  if (taken.outcome !== undefined) return taken.outcome;
  if ('outcome' in arrival.next) return arrival.next.outcome;
  run.startedAt = agent.ports.clock.now();
  agent.witness.started(arrival, taken.claim.record, run.startedAt);
  return runTaken(agent, held, arrival, arrival.next.event, taken.claim, run);
}

async function runTaken(
  agent: Agent,
  held: Held,
  arrival: Arrival,
  event: AgentEvent,
  claim: Claim,
  { purchases, span }: UnderWay,
): Promise<Outcome> {
  const { program, ports, breaker, secret, witness, stop, cut } = agent;
  const abort = new AbortController();
  const secrets = secret.begin();
  const { tracer = noTracer } = ports;
  let timedOut = false;
  const timer = ports.clock.timer(program.configuration.delivery.runTimeoutMs, () => {
    timedOut = true;
    abort.abort(new Error('the run timed out'));
  });
  const stops = [stop, held.channel.ended];
  const onPurchase = (purchase: Purchase) => {
    purchases.push(purchase);
    claim.note({ spent: spentWith(claim.record.spent ?? NOTHING_SPENT, purchase) });
    witness.bought(purchase);
  };
  const unfollow = [claim.lost, held.hold.signal, cut].map((signal) => follow(signal, abort));
  try {
    const outcome = await pipeline({
      program,
      ports: { ...ports, model: tracedModel(ports.model, tracer, span), send: tracedSend(ports.send, tracer, span) },
      event,
      eventKey: arrival.eventKey ?? '',
      claim,
      abort: abort.signal,
      stops,
      interruption: () => interruption(agent, held, timedOut),
      onPurchase,
      gates: {
        enter: () => breaker.enter(claim.record.fence, held.hold.signal, stops),
        reserve: (request) => reserved(agent, buyerOf(claim, held, onPurchase), request, stops),
      },
      onSecretsFound: () => secrets.succeeded(),
    });
    if (outcome.kind === 'hand-back' && outcome.reason === 'SecretMissing') secrets.failed(0);
    held.hold.signal.throwIfAborted();
    if (claim.lost.aborted) return { kind: 'fenced' };
    return cut.aborted && isCutShort(outcome) ? stopping : outcome;
  } finally {
    timer.cancel();
    for (const end of unfollow) end();
  }
}

/** Whether one call may be made, by the agent's own rate and then by its budget: what waits for the one reserves nothing of the other. */
async function reserved(
  { rate, till }: Agent,
  buyer: Buyer,
  request: ModelRequest,
  stops: readonly AbortSignal[],
): Promise<Reserved | Uncounted | { readonly outcome: Outcome }> {
  const pace = await rate?.enter(request, buyer.hold, stops);
  if (pace !== undefined && 'outcome' in pace) return pace;
  const money = await till?.reserve(buyer, request);
  if (money !== undefined && !('settle' in money)) {
    await pace?.settle(NO_TOKENS);
    return money;
  }
  return {
    settle: async (usage) => {
      await money?.settle(usage);
      await pace?.settle(usage);
    },
  };
}

function buyerOf(claim: Claim, held: Held, onLost: Buyer['onLost']): Buyer {
  return {
    event: claim.key.event,
    fence: claim.record.fence,
    bought: () => {
      const { spent, spentBefore = NOTHING_SPENT } = claim.record;
      return { spent: sinceThen(spent ?? NOTHING_SPENT, spentBefore), hasBegun: spent !== undefined };
    },
    record: () => claim.checkpoint({}),
    hold: held.hold.signal,
    onLost,
  };
}

const stopping: Outcome = { kind: 'hand-back', reason: 'Shutdown', error: 'the runner is stopping' };

/** Whether a step that was cut can have ended so; what became of an output is then for the next taker to decide. */
function isCutShort(outcome: Outcome): boolean {
  return 'reason' in outcome && (outcome.reason === 'RunTimeout' || outcome.reason === 'OutputUnknown');
}

/** Asked before each step: is there a reason not to begin it? */
function interruption({ program, stop }: Agent, held: Held, timedOut: boolean): Outcome | undefined {
  held.hold.signal.throwIfAborted();
  if (held.channel.ended.aborted) return { kind: 'delivery-lost' };
  if (timedOut) {
    const seconds = program.configuration.delivery.runTimeoutMs / 1000;
    return { kind: 'transient', reason: 'RunTimeout', error: `the run took longer than ${seconds} s` };
  }
  return stop.aborted ? stopping : undefined;
}

function tellEnded({ witness }: Agent, arrival: Arrival, outcome: Outcome, settlement: Settlement, run: Omit<Ended, 'outcome'>): void {
  witness.ended(arrival, outcome, settlement, run);
  endDeliverySpan(run.span, outcome, settlement);
}

/** How a run's end is to be settled: what would give up an event although it fails like those before it hands it back. */
async function judged(
  { program, ports, alike }: Agent,
  { hold }: Held,
  { envelope, eventKey }: Arrival,
  outcome: Outcome,
): Promise<{ readonly outcome: Outcome; readonly wanted: Settlement }> {
  const { maxAttempts, retryDelaysMs } = program.configuration.delivery;
  const context = { progress: envelope.progress, maxAttempts, retryDelaysMs, now: ports.clock.now() };
  const wanted = settlementFor(outcome, context);
  if (outcome.kind === 'done') await alike.succeeded(hold.signal);
  // What an earlier run has decided is carried out.
  if (outcome.kind === 'decided' || wanted.do !== 'decide' || wanted.decision.kind !== 'dead' || eventKey === undefined)
    return { outcome, wanted };
  const { reason, error, fingerprint } = wanted.decision;
  if (!mayBeTheAgents(outcome.kind === 'transient' ? outcome.reason : reason)) return { outcome, wanted };
  const failure = { fingerprint, reason, error, event: eventKey, id: envelope.attributes.id ?? eventKey };
  if (!(await alike.failed(failure, hold.signal))) return { outcome, wanted };
  const instead: Outcome = { kind: 'hand-back', reason: 'FailingAlike', error };
  return { outcome: instead, wanted: settlementFor(instead, context) };
}

async function settle(agent: Agent, held: Held, arrival: Arrival, taken: Take, ended: Ended): Promise<'settled' | 'retake' | 'fenced'> {
  const { program, ports } = agent;
  const { idempotency } = program.configuration;
  const { outcome, wanted } = await judged(agent, held, arrival, ended.outcome);
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
      deliveryEnded: held.channel.ended,
      onRefused: agent.onRefused,
      onStuck: () => held.hold.stretch(),
      retake: () => held.mayTake() && held.hold.restart(),
      hold: held.hold.signal,
    });
    if (settlement.do === 'retake') return 'fenced';
    tellEnded(agent, arrival, outcome, settlement, ended);
    return result;
  } catch (error) {
    if (error instanceof Fenced) return 'fenced';
    if (!(error instanceof DeliveryLost)) throw error;
    // Everything is written; the broker delivers the event once more, and the record drops that copy.
    tellEnded(agent, arrival, outcome, settlement, ended);
    return 'settled';
  }
}
