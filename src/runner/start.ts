import { parseRunnerConfiguration } from '../api/configuration.ts';
import { metrics as metricTable } from '../api/metrics.ts';
import { agentId } from '../api/names.ts';
import { connectMountedBroker, firstBrokerConnection } from '../broker/mounted.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { readConfigurationFile } from '../lib/configuration-file.ts';
import { createLog } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { mountedSecrets } from '../lib/mounted-secrets.ts';
import { tracerFor } from '../lib/otlp-environment.ts';
import { aborted, type ProcessLife, runProcess } from '../lib/process-life.ts';
import { startStatusServer } from '../lib/status-server.ts';
import { openMountedStore, watchStore } from '../store/mounted.ts';
import { runnerPorts } from './compose.ts';
import { runnerEnvironment } from './config.ts';
import { type Runner, startRunner } from './main.ts';
import { programOf } from './program.ts';
import { Solo } from './solo.ts';
import { runnerStatus } from './status.ts';

/** The runner of one agent as a process of its own. It takes events from when broker and store have answered once, and is ready while both do. */
async function runner({ stop }: ProcessLife): Promise<void> {
  const environment = runnerEnvironment(process.env);
  const name = environment.EVENTAGENT_CONFIGURATION_NAME;
  const configuration = readConfigurationFile(environment.EVENTAGENT_CONFIGURATION, (json) => {
    const parsed = parseRunnerConfiguration(json);
    // Before anything is connected: a template with an error is known at once.
    programOf(parsed);
    return parsed;
  });
  const log = createLog(environment.EVENTAGENT_LOG, (line) => process.stdout.write(line));
  const metrics = createMetrics(metricTable, { processMetrics: true });
  const onDropped = (spans: number) => metrics.add('eventagent_trace_spans_dropped_total', {}, spans);
  const tracer = tracerFor(environment, { clock, log, onDropped });
  const secrets = mountedSecrets(environment.EVENTAGENT_SECRETS_DIR, clock);
  const agent = agentId(configuration.agent);
  const broker = connectMountedBroker(environment.EVENTAGENT_BROKER_DIR, { name: `eventagent runner ${agent}`, clock, log });
  const { connection } = broker;
  const store = openMountedStore(environment.EVENTAGENT_STORE_DIR, configuration.agent, log);
  const ports = runnerPorts(configuration, { connection, store, secrets, clock, log, metrics, tracer });

  const watching = new AbortController();
  const watched = watchStore(store, clock, watching.signal);
  const unready = () => (stop.aborted ? 'shutting down' : (broker.problem() ?? watched.problem()));
  let running: Runner | undefined;
  const details = () => (running === undefined ? {} : runnerStatus(running.state()));
  const status = await startStatusServer(
    { expose: metrics.expose, unready, details },
    { port: environment.EVENTAGENT_METRICS_PORT, clock, log },
  );
  log.info('listening', { metricsPort: status.port, configuration: name, agent });

  const answered = Promise.all([firstBrokerConnection(connection, stop), watched.firstAnswer]);
  await Promise.race([answered, aborted(stop)]).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
  if (!stop.aborted) {
    running = startRunner(configuration, ports, new Solo(clock));
    log.info('ready', { configuration: name, agent });
    await aborted(stop);
    log.info('shutting down');
    await running.close();
  }
  watching.abort();
  await connection.close();
  await store.close();
  await tracer.close();
  await status.close(0);
  log.info('stopped');
}

await runProcess('runner', process.env, runner);
