import { type RabbitServer, rabbitVersions, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { brokerConformance } from './broker-suite.ts';
import { rabbitWorld } from './rabbitmq-world.ts';

for (const version of rabbitVersions) {
  // A server of our own, since cases restart and alarm it; one at a time.
  let server: Promise<RabbitServer> | undefined;
  brokerConformance(
    `RabbitMQ ${version}`,
    async (t) => {
      const running = await partOrSkip(t, () => {
        server ??= startRabbitMq(version);
        return server;
      });
      return running && (await rabbitWorld(running, running));
    },
    async () => {
      // Where it could not be had, every case has said so.
      await server?.then(
        (running) => running.stop(),
        () => {},
      );
    },
  );
}
