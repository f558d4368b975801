import type { RunnerConfiguration } from '../api/configuration.ts';
import { agentId, digest } from '../api/names.ts';
import { NO_TOKENS } from '../api/tokens.ts';
import type { Delivery } from '../broker/port.ts';
import { sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { watchedStore } from '../store/watched.ts';
import type { AlikeState } from './alike/alike-state.ts';
import { FailingAlike } from './alike/failing-alike.ts';
import { Breaker } from './breaker/breaker.ts';
import { type BreakerState, CLOSED } from './breaker/breaker-state.ts';
import { remaining } from './budget/remaining.ts';
import { type BudgetState, Till } from './budget/till.ts';
import { Connectivity } from './connectivity.ts';
import { watchCostToday } from './cost-today.ts';
import { GrowingPause } from './growing-pause.ts';
import { HoldEnded } from './hold.ts';
import { Intake } from './intake.ts';
import type { Agent } from './life.ts';
import type { RunnerPorts } from './ports.ts';
import { programOf } from './program.ts';
import { RateGate } from './rate/rate-gate.ts';
import { keepRetention } from './retention.ts';
import { runSlot } from './slot.ts';
import type { Solo } from './solo.ts';
import { tellStopping } from './stopping.ts';
import { createWitness, type RunEnd } from './witness.ts';

/** How long steps under way may take after the order to stop; then they are cut, and their events handed back. */
const DRAIN_MS = 60_000;
/** When all has to be over: a pod gets 90 s. */
const KILL_MS = 80_000;

/** A suspended agent's time does not count against its events: noted this often, and this far ahead. */
const SUSPENSION_NOTE_MS = 30_000;

/** How often a store that cannot be used is asked again. */
const PING_MS = 1000;

/** What a runner knows of what keeps it from buying. */
export interface RunnerState {
  readonly breaker: BreakerState;
  /** What was spent today; missing where that is not known. */
  readonly costTodayNanoUsd?: number | undefined;
  /** Missing where there is none, and before it was looked at. */
  readonly budget?: BudgetState;
  /** While events fail alike. */
  readonly alike?: AlikeState | undefined;
}

/** A runner at work. */
export interface Runner {
  /** What it was told last of the provider, and of its budget. */
  state(): RunnerState;
  /** Takes nothing further, finishes the steps under way (at most a minute), hands back the rest; says so, and what it waits for. Never rejects, and may be repeated. */
  close(): Promise<void>;
}

/** Starts to run the events of one agent. Throws `InputError` where the configuration does not parse. */
export function startRunner(
  configuration: RunnerConfiguration,
  ports: RunnerPorts,
  solo: Solo,
  onRunEnd: (end: RunEnd) => void = () => {},
): Runner {
  const program = programOf(configuration);
  const { agent: ref, delivery, model } = configuration;
  const { clock, metrics } = ports;
  const log = ports.log.child({ agent: agentId(ref) });
  const labels = { namespace: ref.namespace, agent: ref.name };
  const stop = new AbortController();
  const cut = new AbortController();
  const kill = new AbortController();
  const intake = new Intake(delivery.concurrency, (reason, limited) => {
    if (reason !== 'alone') metrics.set('eventagent_intake_paused', { ...labels, reason }, limited ? 1 : 0);
  });

  let storeAnswers = true;
  const store = watchedStore(ports.store, (usable, error) => {
    storeAnswers = usable;
    intake.limit('store', usable ? undefined : 0);
    if (usable) log.info('the store can be used again; events are taken');
    else log.error('the store cannot be used; no events are taken until it can', { error });
    if (!usable) work.push(untilBack());
  });
  const untilBack = async () => {
    let back = false;
    while (!back && !stop.signal.aborted) {
      await sleep(clock, PING_MS, stop.signal).catch(() => {});
      back = await store.ping().then(
        () => true,
        () => false,
      );
    }
  };
  const by = ports.newFence();
  const notePause = (fromMs: number, untilMs: number) => {
    store
      .addPause(ref, { from: fromMs, until: untilMs }, by)
      .catch((error: unknown) => log.warn('a pause could not be noted; events may go stale by it', { error: messageOf(error) }));
  };
  const secret = new GrowingPause(clock, intake, (pausedMs) => {
    if (pausedMs === undefined) {
      log.info('the Secrets of the outputs can be read again; events are taken');
      return;
    }
    log.warn('no events are taken for a while; the line of the run that was handed back says why', { reason: 'secret', pausedMs });
    notePause(clock.now(), clock.now() + pausedMs);
  });
  const suspended = async () => {
    const from = clock.now();
    while (!stop.signal.aborted) {
      notePause(from, clock.now() + SUSPENSION_NOTE_MS);
      await sleep(clock, SUSPENSION_NOTE_MS, stop.signal).catch(() => {});
    }
  };
  let refused = 0;
  const onRefused = (reason: string | undefined) => {
    refused += reason === undefined ? -1 : 1;
    metrics.set('eventagent_settle_refused', labels, refused);
    intake.limit('settling', refused > 0 ? 0 : undefined);
    if (reason !== undefined)
      log.error('the broker does not take a retry, a dead letter or an event that is given back; the delivery is held', { reason });
  };

  for (const reason of ['provider', 'secret', 'budget', 'alike', 'rate', 'settling', 'store', 'suspended'])
    metrics.set('eventagent_intake_paused', { ...labels, reason }, 0);
  metrics.set('eventagent_settle_refused', labels, 0);
  metrics.set('eventagent_consumers', labels, 0);
  solo.join(intake);
  const connectivity = new Connectivity(log, (consumers) => metrics.set('eventagent_consumers', labels, consumers));
  const state: { -readonly [Name in keyof RunnerState]: RunnerState[Name] } = { breaker: CLOSED };
  const isPriced = ports.priceOf(model.name, NO_TOKENS) !== undefined;
  const common = { store, clock, log, intake, notePause };
  const breaker = new Breaker({
    ...common,
    configuration,
    onState: (seen) => {
      const reason = state.breaker.last?.reason;
      state.breaker = seen;
      metrics.set('eventagent_model_breaker_open', labels, seen.failures > 0 ? 1 : 0);
      metrics.set('eventagent_model_next_probe_timestamp_seconds', labels, seen.openUntil / 1000);
      if (reason !== undefined) metrics.set('eventagent_model_breaker_reason', { ...labels, reason }, 0);
      if (seen.last !== undefined) metrics.set('eventagent_model_breaker_reason', { ...labels, reason: seen.last.reason }, 1);
    },
  });
  const { budget } = configuration;
  const { countTokens } = ports.model;
  const till =
    budget === undefined
      ? undefined
      : new Till({
          ...common,
          agent: ref,
          budget,
          priceOf: ports.priceOf,
          counter: countTokens === undefined ? undefined : { countTokens },
          onState: (seen) => {
            state.budget = seen;
            if (isPriced) state.costTodayNanoUsd = seen.booked.day.nanoUsd;
            for (const { name, unit, left } of remaining(budget, seen))
              metrics.set(`eventagent_budget_remaining_${unit}`, { ...labels, period: name }, left);
          },
        });
  const { rateLimit } = configuration;
  const rate = rateLimit === undefined ? undefined : new RateGate({ ...common, agent: ref, rateLimit });
  const alike = new FailingAlike({
    ...common,
    agent: ref,
    configuration: digest(JSON.stringify(configuration)),
    onState: (seen) => {
      state.alike = seen;
      metrics.set('eventagent_failing_alike', labels, seen === undefined ? 0 : 1);
    },
  });
  const agent: Agent = {
    program,
    ports: { ...ports, store },
    solo,
    breaker,
    till,
    rate,
    alike,
    secret,
    witness: createWitness(ref, model.name, { clock, log, metrics }, onRunEnd),
    onRefused,
    stop: stop.signal,
    cut: cut.signal,
  };
  const work: Promise<void>[] = [];
  if (configuration.suspend) {
    log.warn('the agent is suspended: its events wait in the queue');
    intake.limit('suspended', 0);
    work.push(suspended());
  }
  work.push(breaker.watch(stop.signal), alike.watch(stop.signal));
  if (till !== undefined) work.push(till.watch(stop.signal));
  else if (isPriced)
    work.push(
      watchCostToday(ref, { store, clock }, stop.signal, (nanoUsd) => {
        state.costTodayNanoUsd = nanoUsd;
      }),
    );
  if (configuration.deadLetters !== undefined) {
    metrics.add('eventagent_dead_letters_expired_total', labels, 0);
    work.push(keepRetention(program, configuration.deadLetters.retentionMs, { ...ports, store, log }, stop.signal));
  }
  const inHand = new Set<Delivery>();
  const slots = { intake, connectivity, inHand, kill: kill.signal };
  for (let index = 0; index < delivery.concurrency; index += 1) work.push(runSlot(agent, slots, index));

  let closing: Promise<void> | undefined;
  const close = async () => {
    const underWay = () => inHand.size;
    const fallSilent = tellStopping({ clock, log, underWay, storeAnswers: () => storeAnswers });
    stop.abort(new Error('the runner is stopping'));
    const timers = [
      clock.timer(DRAIN_MS, () => {
        log.warn('stopping: the steps under way are cut', { underWay: underWay() });
        cut.abort(new Error('the runner is stopping, and the step took too long'));
      }),
      clock.timer(KILL_MS, () => {
        log.error('stopping: what is left is given up; the broker delivers it again', { underWay: underWay() });
        kill.abort(new HoldEnded('the runner could not finish in time'));
      }),
    ];
    await Promise.all(work);
    for (const timer of timers) timer.cancel();
    fallSilent();
    secret.close();
    rate?.close();
    solo.leave(intake);
  };
  return {
    state: () => ({ ...state }),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
