import { parseGatewayConfiguration } from '../api/configuration.ts';
import { metrics as metricTable } from '../api/metrics.ts';
import { connectMountedBroker, firstBrokerConnection } from '../broker/mounted.ts';
import { systemClock as clock, sleep } from '../lib/clock.ts';
import { readConfigurationFile } from '../lib/configuration-file.ts';
import { createLog } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { mountedSecrets } from '../lib/mounted-secrets.ts';
import { tracerFor } from '../lib/otlp-environment.ts';
import { aborted, type ProcessLife, runProcess } from '../lib/process-life.ts';
import { startStatusServer } from '../lib/status-server.ts';
import { gatewayEnvironment } from './config.ts';
import { startGateway } from './main.ts';
import { gatewayStatus } from './status.ts';

/** The gateway of one namespace as a process of its own. It is ready from its first connection to the broker on; a broker that is lost later is its senders' to wait for. */
async function gateway({ stop }: ProcessLife): Promise<void> {
  const environment = gatewayEnvironment(process.env);
  const name = environment.EVENTAGENT_CONFIGURATION_NAME;
  const configuration = readConfigurationFile(environment.EVENTAGENT_CONFIGURATION, parseGatewayConfiguration);
  const log = createLog(environment.EVENTAGENT_LOG, (line) => process.stdout.write(line));
  const metrics = createMetrics(metricTable, { processMetrics: true });
  const onDropped = (spans: number) => metrics.add('eventagent_trace_spans_dropped_total', {}, spans);
  const tracer = tracerFor(environment, { clock, log, onDropped });
  const secrets = mountedSecrets(environment.EVENTAGENT_SECRETS_DIR, clock);
  const broker = connectMountedBroker(environment.EVENTAGENT_BROKER_DIR, {
    name: `eventagent gateway ${configuration.namespace}`,
    clock,
    log,
  });
  const { connection } = broker;

  const parts = { configuration, secrets, connection, clock, log, metrics, tracer };
  const server = await startGateway({ ...parts, port: environment.EVENTAGENT_PORT });
  let unready = (): string | undefined => broker.problem() ?? 'starting';
  const status = await startStatusServer(
    { expose: metrics.expose, unready: () => unready(), details: () => gatewayStatus(name, configuration, secrets) },
    { port: environment.EVENTAGENT_METRICS_PORT, clock, log },
  );
  log.info('listening', { port: server.port, metricsPort: status.port, configuration: name, webhooks: configuration.routes.length });

  await firstBrokerConnection(connection, stop).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
  if (!stop.aborted) {
    unready = () => server.unready();
    log.info('ready', { configuration: name });
    await aborted(stop);
    unready = () => 'shutting down';
    log.info('shutting down', { prestopSeconds: environment.EVENTAGENT_PRESTOP_SECONDS });
    await sleep(clock, environment.EVENTAGENT_PRESTOP_SECONDS * 1000);
  }
  await server.close();
  await connection.close();
  await tracer.close();
  await status.close(0);
  log.info('stopped');
}

await runProcess('gateway', process.env, gateway);
