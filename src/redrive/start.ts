import { agentId } from '../api/names.ts';
import { parseRedriveConfiguration } from '../api/redrive-configuration.ts';
import { type RedriveExitCode, type RedriveProgress, redriveOutcomes } from '../api/redrive-progress.ts';
import { connectMountedBroker } from '../broker/mounted.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { readConfigurationFile } from '../lib/configuration-file.ts';
import { createLog } from '../lib/log.ts';
import { type ProcessLife, runProcess } from '../lib/process-life.ts';
import { startStatusServer } from '../lib/status-server.ts';
import { writeLastWords } from '../lib/termination.ts';
import { openMountedStore } from '../store/mounted.ts';
import { redriveEnvironment } from './config.ts';
import { JournalError } from './journal.ts';
import { runRedrive } from './run-redrive.ts';

/** How long the broker may take to give us a channel. */
const CONNECT_DEADLINE_MS = 60_000;

/** Told to stop before its end. */
const INTERRUPTED = 143 satisfies RedriveExitCode;

/** One DeadLetterRedrive as a process of its own: the pod of its Job. Its exit code is how it ended. */
async function main({ stop }: ProcessLife): Promise<void> {
  const environment = redriveEnvironment(process.env);
  const configuration = readConfigurationFile(environment.EVENTAGENT_CONFIGURATION, parseRedriveConfiguration);
  const { redrive, agent } = configuration;
  const name = `${redrive.namespace}.${redrive.name}`;
  const log = createLog(environment.EVENTAGENT_LOG, (line) => process.stdout.write(line)).child({ redrive: name });
  const { connection } = connectMountedBroker(environment.EVENTAGENT_BROKER_DIR, { name: `eventagent redrive ${name}`, clock, log });
  const store = openMountedStore(environment.EVENTAGENT_STORE_DIR, agent, log);
  let progress: RedriveProgress | undefined;
  const status = await startStatusServer(
    {
      unready: () => (progress === undefined ? 'it has not begun to look at dead letters' : undefined),
      details: () => progress ?? {},
    },
    { port: environment.EVENTAGENT_METRICS_PORT, clock, log },
  );
  log.info('listening', { metricsPort: status.port, agent: agentId(agent), dryRun: configuration.dryRun });
  let code: RedriveExitCode = INTERRUPTED;
  try {
    const onProgress = (now: RedriveProgress) => {
      progress = now;
    };
    const connect = () => AbortSignal.timeout(CONNECT_DEADLINE_MS);
    const end = await runRedrive(configuration, { connection, store, clock, connect, onProgress }, stop);
    log.info('redrive ended', { ...end });
    writeLastWords(environment.EVENTAGENT_TERMINATION_LOG, { ...end });
    code = redriveOutcomes[end.outcome ?? 'complete'].exitCode;
  } catch (error) {
    if (!stop.aborted && !(error instanceof JournalError)) throw error;
    log.info(stop.aborted ? 'told to stop before its end' : 'another process goes on with this redrive', { ...progress });
  }
  await connection.close();
  await store.close();
  await status.close(0);
  process.exit(code);
}

await runProcess('redrive', process.env, main);
