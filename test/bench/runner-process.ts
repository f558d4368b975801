import { randomUUID } from 'node:crypto';
import { metrics as metricTable } from '../../src/api/metrics.ts';
import { costNanoUsd } from '../../src/api/prices.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { USER_AGENT } from '../../src/lib/version.ts';
import { type Runner, startRunner } from '../../src/runner/main.ts';
import { createSend } from '../../src/runner/outputs/send.ts';
import type { RunnerPorts } from '../../src/runner/ports.ts';
import { Solo } from '../../src/runner/solo.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import { watchedStore } from '../../src/store/watched.ts';
import { type Contestant, modelFor, Stopwatch, type Work } from './contest.ts';
import { countingStore } from './counting-store.ts';
import { playRole } from './role.ts';

/** Runners as `eventagent dev` and the cluster run them: the records in Redis, every log line written. */
await playRole(async (options) => {
  const contestant = options as Contestant;
  const connection = connectRabbitMq({ url: contestant.amqpUrl, name: 'runner' });
  const redis = createRedisStore({ url: contestant.redisUrl, onError: (message) => process.stderr.write(`${message}\n`) });
  const store = countingStore(watchedStore(redis, () => {}));
  const metrics = createMetrics(metricTable, { processMetrics: true });
  const solo = new Solo(systemClock);
  let stopwatch: Stopwatch | undefined;
  let runners: readonly Runner[] = [];
  const ports: Omit<RunnerPorts, 'model' | 'log'> = {
    connection,
    store,
    send: createSend({ clock: systemClock, userAgent: USER_AGENT }),
    secrets: () => 'benchmark',
    clock: systemClock,
    metrics,
    newFence: randomUUID,
    priceOf: costNanoUsd,
  };
  const log = createLog('json', (line) => process.stdout.write(line));
  const start = (concurrency: number) => {
    runners = contestant.configurations.map((configuration) =>
      startRunner(
        { ...configuration, delivery: { ...configuration.delivery, concurrency } },
        { ...ports, log, model: modelFor(contestant, configuration) },
        solo,
        () => stopwatch?.tick(),
      ),
    );
  };
  const stop = async () => {
    await Promise.all(runners.map((runner) => runner.close()));
    runners = [];
  };
  return {
    ready: undefined,
    commands: {
      run: async (argument) => {
        const work = argument as Work;
        stopwatch = new Stopwatch(work);
        start(work.concurrency);
        const worked = await stopwatch.done;
        await stop();
        return worked;
      },
      start: async (concurrency) => start(concurrency as number),
      stop,
      'store calls': async () => store.calls(),
    },
    close: async () => {
      await stop();
      await connection.close();
      await redis.close();
    },
  };
});
