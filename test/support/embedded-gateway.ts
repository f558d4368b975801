import { createEmbeddedBroker, type EmbeddedBroker, type LyingMessage } from '../../src/broker/embedded.ts';
import type { BrokerConnection } from '../../src/broker/port.ts';
import type { QueueArguments } from '../../src/broker/topology.ts';
import { applyTopology, gatewayTopology, OWN } from './gateway-topology.ts';
import { type GatewayUnderTest, gatewayUnderTest } from './gateway-under-test.ts';

/** An embedded broker with the topology of the routes. */
export interface EmbeddedWorld extends AsyncDisposable {
  readonly broker: EmbeddedBroker;
  readonly connection: BrokerConnection;
  /** What is in the work queue. */
  stored(): readonly LyingMessage[];
}

/** Makes an embedded broker; `more` are arguments of the work queue. */
export async function embeddedWorld(more: QueueArguments = {}): Promise<EmbeddedWorld> {
  const broker = createEmbeddedBroker();
  await applyTopology(broker.admin, gatewayTopology(more));
  const connection = broker.connect();
  return { broker, connection, stored: () => broker.messages(OWN), [Symbol.asyncDispose]: () => connection.close() };
}

/** The same with a gateway on it. */
export async function embeddedGateway(more: QueueArguments = {}): Promise<EmbeddedWorld & { readonly gateway: GatewayUnderTest }> {
  const world = await embeddedWorld(more);
  const gateway = await gatewayUnderTest(world.connection);
  return {
    ...world,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}
