import { randomUUID } from 'node:crypto';
import { parseTickConfiguration } from '../api/tick-configuration.ts';
import { type TickExitCode, tickOutcomes } from '../api/tick-outcomes.ts';
import { connectMountedBroker } from '../broker/mounted.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { readConfigurationFile } from '../lib/configuration-file.ts';
import { createLog } from '../lib/log.ts';
import { type ProcessLife, runProcess } from '../lib/process-life.ts';
import { writeLastWords } from '../lib/termination.ts';
import { openMountedStore } from '../store/mounted.ts';
import { tickEnvironment } from './config.ts';
import { lastWordsOf } from './last-words.ts';
import { askingStore } from './patience.ts';
import { publishOnce } from './publish-once.ts';
import { runTick } from './run-tick.ts';

/** How long the broker may take to give us a channel. */
const CONNECT_DEADLINE_MS = 30_000;

/** Told to stop before the run had ended. */
const INTERRUPTED = 143 satisfies TickExitCode;

/** One tick of a schedule as a process of its own: the pod of a CronJob's Job. Its exit code is how the run ended. */
async function tick({ stop }: ProcessLife): Promise<void> {
  const environment = tickEnvironment(process.env);
  const configuration = readConfigurationFile(environment.EVENTAGENT_CONFIGURATION, parseTickConfiguration);
  const { schedule } = configuration;
  const log = createLog(environment.EVENTAGENT_LOG, (line) => process.stdout.write(line)).child({
    schedule: `${schedule.namespace}.${schedule.name}`,
    job: environment.EVENTAGENT_JOB_NAME,
  });
  const name = `eventagent tick ${schedule.namespace}.${schedule.name}`;
  const { connection } = connectMountedBroker(environment.EVENTAGENT_BROKER_DIR, { name, clock, log });
  const store = openMountedStore(environment.EVENTAGENT_STORE_DIR, configuration.agent, log);
  const review = { connection, clock, store, connect: () => AbortSignal.timeout(CONNECT_DEADLINE_MS) };
  const ports = { publish: publishOnce(connection, clock), review, store, clock, log, newFence: randomUUID, random: Math.random };
  const job = { name: environment.EVENTAGENT_JOB_NAME, uid: environment.EVENTAGENT_JOB_UID };
  let code: TickExitCode = INTERRUPTED;
  try {
    await askingStore({ clock, log, signal: stop }, () => store.ping());
    const end = await runTick(configuration, job, ports, stop);
    const words = lastWordsOf(end);
    log.info('run ended', { ...words });
    writeLastWords(environment.EVENTAGENT_TERMINATION_LOG, { ...words });
    code = tickOutcomes[end.outcome].exitCode;
  } catch (error) {
    if (!stop.aborted) throw error;
    log.info('told to stop before the run has ended');
  }
  await connection.close();
  await store.close();
  process.exit(code);
}

await runProcess('tick', process.env, tick);
