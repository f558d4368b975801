import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { envelopeOf } from '../../src/api/event.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { managementAdmin } from '../../src/broker/management.ts';
import type { BrokerConnection, Delivery } from '../../src/broker/port.ts';
import type { QueueArguments } from '../../src/broker/topology.ts';
import { type RabbitAddress, rabbitVersions, sharedRabbitMq, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage, type Vhost } from '../parts/vhost.ts';
import { cloudEvent, structured } from '../support/cloud-event.ts';
import { applyTopology, EVENTS, gatewayTopology, OWN } from '../support/gateway-topology.ts';
import { type GatewayUnderTest, gatewayUnderTest, SECRET } from '../support/gateway-under-test.ts';
import { githubDelivery, githubExamples } from '../support/github-delivery.ts';
import { exchange } from '../support/http-exchange.ts';

/** A gateway on a virtual host of its own. */
interface World extends AsyncDisposable {
  readonly gateway: GatewayUnderTest;
  readonly connection: BrokerConnection;
  readonly vhost: Vhost;
}

async function worldOn(server: RabbitAddress, more: QueueArguments = {}): Promise<World> {
  const vhost = await freshVhost(server);
  const admin = managementAdmin({ url: server.managementUrl, vhost: vhost.vhost });
  await applyTopology(admin, gatewayTopology(more));
  const connection = connectRabbitMq({ url: vhost.amqpUrl, name: 'gateway under test' });
  const gateway = await gatewayUnderTest(connection);
  return {
    gateway,
    connection,
    vhost,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await connection.close();
      await vhost[Symbol.asyncDispose]();
    },
  };
}

/** Everything that is in the work queue, settled. */
async function drain(connection: BrokerConnection): Promise<readonly Delivery[]> {
  const channel = await connection.openChannel({ prefetch: 100 }, AbortSignal.timeout(60_000));
  const deliveries: Delivery[] = [];
  for (let next = await channel.get(OWN); next !== undefined; next = await channel.get(OWN)) {
    channel.ack(next);
    deliveries.push(next);
  }
  await channel.close();
  return deliveries;
}

const send = ({ gateway }: World, path: string, id = 'order-1', agent?: Agent) =>
  exchange(`${gateway.url}/reviewer/${path}`, { ...structured(cloudEvent({ id })), ...(agent && { agent }) });

for (const version of rabbitVersions) {
  test(`RabbitMQ ${version}: every recorded payload of GitHub arrives byte for byte`, async (context) => {
    const server = await partOrSkip(context, () => sharedRabbitMq(version));
    if (server === undefined) return;
    await using world = await worldOn(server);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const bodies = new Map<string, { readonly event: string; readonly body: Buffer }>();
    await Promise.all(
      githubExamples().map(async ({ event, payload }, index) => {
        const [id, body] = [`d-${index}`, Buffer.from(JSON.stringify(payload, null, index % 3))];
        if (event !== 'ping') bodies.set(id, { event, body });
        const answer = await exchange(`${world.gateway.url}/reviewer/github`, { ...githubDelivery(SECRET, event, body, id), agent });
        assert.equal(answer.code, event === 'ping' ? 200 : 202, answer.text);
      }),
    );
    agent.destroy();
    const deliveries = await drain(world.connection);
    assert.equal(deliveries.length, bodies.size);
    assert.ok(bodies.size >= 700);
    for (const delivery of deliveries) {
      const { attributes, publishedAt } = envelopeOf(delivery, OWN);
      const sent = bodies.get(attributes.id ?? '');
      assert.ok(sent !== undefined);
      assert.ok(delivery.body.equals(sent.body));
      assert.equal(attributes.type, `github.${sent.event}`);
      assert.deepEqual([delivery.messageId, delivery.contentType, delivery.routingKey], [attributes.id, 'application/json', 'work']);
      assert.ok(publishedAt !== undefined && Math.abs(Date.now() - publishedAt) < 60_000);
      bodies.delete(attributes.id ?? '');
    }
    assert.equal(bodies.size, 0);
  });

  test(`RabbitMQ ${version}: what cannot be stored is 503, and costs no other route anything`, async (context) => {
    const server = await partOrSkip(context, () => sharedRabbitMq(version));
    if (server === undefined) return;
    await using world = await worldOn(server, { 'x-max-length': 5 });
    assert.equal((await send(world, 'events')).code, 202);
    const answers = [];
    for (let index = 0; index < 12; index += 1) answers.push((await send(world, 'open', `e${index}`)).code);
    assert.ok(answers.includes(503) && answers.includes(202), answers.join());
    assert.ok((await world.gateway.requests('web/reviewer/open', 503, 'queue_full')) > 0);
    const accepted = answers.filter((code) => code === 202).length;
    assert.equal((await drain(world.connection)).length, accepted + 1);
    const manageVhost = (method: 'GET' | 'DELETE', path: string) =>
      manage(server, method, `/api/${path.replace('VHOST', world.vhost.vhost)}`);
    await manageVhost('DELETE', `exchanges/VHOST/${EVENTS}`);
    const [missing, innocent] = await Promise.all([send(world, 'events', 'm'), send(world, 'open', 'i')]);
    assert.deepEqual([missing.code, innocent.code], [503, 202]);
    await manageVhost('DELETE', `queues/VHOST/${OWN}`);
    assert.equal((await send(world, 'open', 'u')).code, 503);
    assert.equal(await world.gateway.requests('web/reviewer/open', 503, 'unroutable'), 1);
  });
}

test('a broker that is frozen, blocked and killed: 503 meanwhile, and every event that was answered 202 is in the queue', {
  timeout: 240_000,
}, async (context) => {
  const server = await partOrSkip(context, () => startRabbitMq('4.0'));
  if (server === undefined) return;
  await using _ = server;
  await using world = await worldOn(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  const accepted = new Set<string>();
  const post = async (id: string) => {
    const { code } = await send(world, 'open', id, agent);
    if (code === 202) accepted.add(id);
    return code;
  };
  /** Sends one event after another until the answer is `code`. */
  const postUntil = async (name: string, code: number) => {
    const deadline = performance.now() + 90_000;
    for (let index = 0; (await post(`${name}-${index}`)) !== code; index += 1)
      assert.ok(performance.now() < deadline, `no ${code} within 90 s: ${name}`);
  };
  await postUntil('first', 202);
  server.pause();
  const begun = performance.now();
  assert.equal(await post('frozen'), 503);
  const tookMs = performance.now() - begun;
  server.resume();
  assert.ok(tookMs > 7_900, `${tookMs} ms`);
  assert.equal(await world.gateway.requests('web/reviewer/open', 503, 'confirm_late'), 1);
  await postUntil('resumed', 202);

  await server.ctl('set_vm_memory_high_watermark', 'absolute', '1MB');
  // The broker says that it blocks a sender when that sends something, which it keeps unconfirmed.
  await postUntil('blocked', 503);
  assert.equal(await post('blocked'), 503);
  assert.ok((await world.gateway.requests('web/reviewer/open', 503, 'broker_blocked')) > 0);
  await server.ctl('set_vm_memory_high_watermark', 'absolute', '1GB');
  await postUntil('after', 202);

  // Killed last: RabbitMQ 4.0 loses a queue that is younger than a second or so, with all that it has confirmed.
  const crowd = Array.from({ length: 300 }, (_unused, index) => post(`crowd-${index}`));
  await Promise.race(crowd);
  await server.kill();
  const codes = new Set(await Promise.all(crowd));
  assert.deepEqual(
    [...codes].filter((code) => code !== 202 && code !== 503),
    [],
  );
  assert.equal(await post('down'), 503);
  assert.ok((await world.gateway.requests('web/reviewer/open', 503, 'broker_unavailable')) > 0);
  await server.restart();
  await postUntil('back', 202);
  agent.destroy();

  const stored = new Set((await drain(world.connection)).map(({ messageId }) => messageId ?? ''));
  assert.deepEqual(
    [...accepted].filter((id) => !stored.has(id)),
    [],
  );
});
