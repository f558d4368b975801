import type { GatewayConfiguration } from '../../src/api/configuration.ts';
import { metrics } from '../../src/api/metrics.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { startGateway } from '../../src/gateway/main.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { playRole } from './role.ts';

/** The gateway as `eventagent dev` and the cluster run it. */
await playRole(async (options) => {
  const { amqpUrl, configuration, secret } = options as {
    readonly amqpUrl: string;
    readonly configuration: GatewayConfiguration;
    readonly secret: string;
  };
  const connection = connectRabbitMq({ url: amqpUrl, name: 'gateway' });
  const gateway = await startGateway({
    configuration,
    secrets: () => secret,
    connection,
    clock: systemClock,
    log: createLog('json', (line) => process.stdout.write(line)),
    metrics: createMetrics(metrics, { processMetrics: true }),
    host: '127.0.0.1',
    port: 0,
  });
  return {
    ready: { port: gateway.port },
    commands: {},
    close: async () => {
      await gateway.close(0);
      await connection.close();
    },
  };
});
