import type { RunnerConfiguration } from '../api/configuration.ts';
import { sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { Intake } from './intake.ts';
import type { Agent } from './life.ts';
import type { RunnerPorts } from './ports.ts';
import { programOf } from './program.ts';
import { ProviderPause } from './provider-pause.ts';
import { runSlot } from './slot.ts';
import type { Solo } from './solo.ts';
import { createWitness, type RunEnd } from './witness.ts';

/** How long steps under way may take after the order to stop. */
const DRAIN_MS = 60_000;

/** A suspended agent's time does not count against its events: noted this often, a little ahead. */
const SUSPENSION_NOTE_MS = 30_000;

/** A runner at work. */
export interface Runner {
  /** Takes nothing further, finishes the steps under way (at most a minute), hands back the rest. Never rejects, and may be repeated. */
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
  const { clock, log, metrics, store } = ports;
  const labels = { namespace: ref.namespace, agent: ref.name };
  const intake = new Intake(delivery.concurrency);
  const stop = new AbortController();
  const kill = new AbortController();

  const notePause = (fromMs: number, untilMs: number) => {
    store
      .addPause(ref, { from: fromMs, until: untilMs })
      .catch((error: unknown) => log.warn('a pause could not be noted; events may go stale by it', { error: messageOf(error) }));
  };
  const provider = new ProviderPause(clock, intake, (pausedMs) => {
    metrics.set('eventagent_model_paused', labels, pausedMs === undefined ? 0 : 1);
    if (pausedMs === undefined) log.info('the model provider answers again', labels);
    else log.warn('the model provider refuses; no events are taken for a while', { ...labels, pausedMs });
    if (pausedMs !== undefined) notePause(clock.now(), clock.now() + pausedMs);
  });
  const suspended = async () => {
    while (!stop.signal.aborted) {
      notePause(clock.now(), clock.now() + SUSPENSION_NOTE_MS);
      await sleep(clock, SUSPENSION_NOTE_MS, stop.signal).catch(() => {});
    }
  };

  metrics.set('eventagent_model_paused', labels, 0);
  metrics.set('eventagent_settle_refused', labels, 0);
  solo.join(intake);
  const agent: Agent = {
    program,
    ports,
    intake,
    solo,
    provider,
    witness: createWitness(ref, model.name, ports, onRunEnd),
    stop: stop.signal,
  };
  const work: Promise<void>[] = [];
  if (configuration.suspend) {
    intake.limit('suspended', 0);
    work.push(suspended());
  }
  for (let slot = 0; slot < delivery.concurrency; slot += 1) work.push(runSlot(agent, slot, stop.signal, kill.signal));

  let closing: Promise<void> | undefined;
  const close = async () => {
    stop.abort(new Error('the runner is stopping'));
    const timer = clock.timer(DRAIN_MS, () => kill.abort(new Error('the runner could not finish in time')));
    await Promise.all(work);
    timer.cancel();
    provider.close();
    solo.leave(intake);
  };
  return {
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
