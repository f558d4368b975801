import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloudEvent, structured } from '../../test/support/cloud-event.ts';
import { embeddedGateway } from '../../test/support/embedded-gateway.ts';
import { OWN } from '../../test/support/gateway-topology.ts';
import { gatewayUnderTest } from '../../test/support/gateway-under-test.ts';
import { exchange } from '../../test/support/http-exchange.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { createScriptedBroker } from '../../test/support/scripted-broker.ts';

const send = (url: string, path = '/reviewer/open') => exchange(`${url}${path}`, structured(cloudEvent()));

test('202 waits for the confirm', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'held');
  await using gateway = await gatewayUnderTest(broker.connection);
  const answer = send(gateway.url);
  await broker.until('the event is published', () => broker.held.length === 1);
  assert.equal(await Promise.race([answer, exchange(`${gateway.url}/reviewer/open`, { method: 'GET' })]).then(({ code }) => code), 405);
  broker.answer('confirmed');
  assert.equal((await answer).code, 202);
  assert.match(await gateway.scrape(), /eventagent_gateway_publish_seconds_count\{route="web\/reviewer\/open"\} 1/);
});

test('confirms are awaited side by side', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'held');
  await using gateway = await gatewayUnderTest(broker.connection);
  const answers = Array.from({ length: 40 }, () => send(gateway.url));
  await broker.until('all of them are published', () => broker.held.length === 40);
  broker.answer('confirmed');
  for (const { code } of await Promise.all(answers)) assert.equal(code, 202);
  assert.equal(broker.opened, 1);
});

test('an event that no queue takes is 503, although its exchange is there', async () => {
  await using world = await embeddedGateway();
  world.broker.deleteQueue(OWN);
  assert.equal((await send(world.gateway.url, '/reviewer/events')).code, 503);
  assert.equal((await send(world.gateway.url, '/reviewer/open')).code, 503);
  assert.equal(await world.gateway.requests('web/reviewer/events', 503, 'unroutable'), 1);
  assert.equal(await world.gateway.requests('web/reviewer/open', 503, 'unroutable'), 1);
});

test('a full queue is 503, and the next event goes through when there is room', async () => {
  await using world = await embeddedGateway({ 'x-max-length': 3 });
  let refused = await send(world.gateway.url);
  for (let i = 0; i < 10 && refused.code === 202; i += 1) refused = await send(world.gateway.url);
  assert.deepEqual(
    [refused.code, refused.headers['retry-after'], JSON.parse(refused.text)],
    [503, '5', { error: 'the queue of this webhook takes no more for now' }],
  );
  const channel = await world.connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
  for (let next = await channel.get(OWN); next !== undefined; next = await channel.get(OWN)) channel.ack(next);
  assert.equal((await send(world.gateway.url)).code, 202);
  assert.equal(await world.gateway.requests('web/reviewer/open', 503, 'queue_full'), 1);
});

test('a connection that is cut again and again: what was answered 202 is stored', async () => {
  await using world = await embeddedGateway();
  const accepted: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const answers = Array.from({ length: 20 }, async (_, index) => {
      const { code, text } = await exchange(`${world.gateway.url}/reviewer/open`, structured(cloudEvent({ id: `${round}-${index}` })));
      assert.ok(code === 202 || code === 503, text);
      if (code === 202) accepted.push(`${round}-${index}`);
    });
    await Promise.race(answers);
    world.broker.dropConnections();
    await Promise.all(answers);
  }
  const stored = new Set(world.stored().map(({ messageId }) => messageId));
  assert.deepEqual(
    accepted.filter((id) => !stored.has(id)),
    [],
  );
  assert.equal(accepted.length, 100);
});

test('a broker that blocks its senders is 503 at once', async () => {
  const broker = createScriptedBroker();
  await using gateway = await gatewayUnderTest(broker.connection);
  broker.block(true);
  assert.equal((await send(gateway.url)).code, 503);
  broker.block(false);
  assert.equal((await send(gateway.url)).code, 202);
  assert.equal(await gateway.requests('web/reviewer/open', 503, 'broker_blocked'), 1);
});

test('a confirm that is later than 8 s is 503', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'held');
  const clock = createManualClock();
  await using gateway = await gatewayUnderTest(broker.connection, { clock });
  const answer = send(gateway.url);
  await broker.until('the event is published', () => broker.held.length === 1);
  clock.advance(7_999);
  assert.equal(clock.pending(), 1);
  clock.advance(1);
  assert.equal((await answer).code, 503);
  assert.equal(await gateway.requests('web/reviewer/open', 503, 'confirm_late'), 1);
});

test('without a connection requests wait a little, then get 503; when it is back they go through', async () => {
  const broker = createScriptedBroker();
  const clock = createManualClock();
  await using gateway = await gatewayUnderTest(broker.connection, { clock });
  assert.equal((await send(gateway.url)).code, 202);
  broker.disconnect();
  clock.advance(1_000);
  const tooLong = send(gateway.url);
  await waitFor(() => clock.pending() === 1);
  clock.advance(3_000);
  assert.equal((await tooLong).code, 503);
  assert.equal(await gateway.requests('web/reviewer/open', 503, 'broker_unavailable'), 1);
  const patient = send(gateway.url);
  await waitFor(() => clock.pending() === 1);
  broker.connect();
  assert.equal((await patient).code, 202);
  assert.equal(broker.stored.length, 2);
});

test('a connection that is lost before the confirm: the event is sent again when it is back', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'held');
  await using gateway = await gatewayUnderTest(broker.connection);
  const answer = send(gateway.url);
  await broker.until('the event is published', () => broker.held.length === 1);
  broker.fate(() => 'confirmed');
  broker.disconnect();
  broker.connect();
  assert.equal((await answer).code, 202);
  assert.equal(broker.stored.length, 1);
});

test('a route whose exchange is missing fails alone', async () => {
  const broker = createScriptedBroker();
  broker.fate(({ exchange: name }) => (name === 'ea.web._events' ? 'channel-error' : 'held'));
  await using gateway = await gatewayUnderTest(broker.connection);
  const innocent = send(gateway.url, '/reviewer/open');
  await broker.until('the innocent event is published', () => broker.held.length === 1);
  assert.equal((await send(gateway.url, '/reviewer/events')).code, 503);
  broker.answer('confirmed');
  assert.equal((await innocent).code, 202);
  assert.equal(await gateway.requests('web/reviewer/events', 503, 'broker_unavailable'), 1);
});

test('many refusals of one kind make few lines', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'refused');
  const clock = createManualClock();
  await using gateway = await gatewayUnderTest(broker.connection, { clock });
  for (let i = 0; i < 5; i += 1) await send(gateway.url);
  clock.advance(10_000);
  await send(gateway.url);
  const counts = gateway.lines.map((line) => JSON.parse(line)).map(({ route, reason, requests }) => [route, reason, requests]);
  assert.deepEqual(counts, [
    ['web/reviewer/open', 'queue_full', 1],
    ['web/reviewer/open', 'queue_full', 5],
  ]);
});

const wrongRequests = async (url: string) => {
  await send(url, '/reviwer/open');
  await exchange(`${url}/reviewer/open`, { method: 'GET' });
  await exchange(`${url}/reviewer/open`, { body: '{}', headers: { 'content-type': 'application/json' } });
  for (let i = 0; i < 3; i += 1) await send(url, '/reviewer/github');
};

test('requests that their senders have to mend are told of where that is asked for, with what they were told and more', async () => {
  const clock = createManualClock();
  await using gateway = await gatewayUnderTest(createScriptedBroker().connection, { clock, toldRefusals: 'all' });
  await wrongRequests(gateway.url);
  clock.advance(10_000);
  await send(gateway.url, '/reviewer/github');
  const told = gateway.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    told.map(({ msg, route, reason, code, error, path, requests }) => [msg, route, reason, code, error, path, requests]),
    [
      ['request refused', 'none', 'unknown_route', 404, 'no webhook is served at this path', '/reviwer/open', 1],
      ['request refused', 'web/reviewer/open', 'method', 405, 'events are sent with POST', undefined, 1],
      [
        'request refused',
        'web/reviewer/open',
        'content_type',
        415,
        'send one CloudEvents 1.0 event a request, in structured mode, with the content type application/cloudevents+json',
        undefined,
        1,
      ],
      [
        'request refused',
        'web/reviewer/github',
        'signature_missing',
        401,
        'the request does not carry the proof that this webhook asks for',
        undefined,
        1,
      ],
      [
        'request refused',
        'web/reviewer/github',
        'signature_missing',
        401,
        'the request does not carry the proof that this webhook asks for',
        undefined,
        3,
      ],
    ],
  );
});

test('in a cluster they are counted alone', async () => {
  await using gateway = await gatewayUnderTest(createScriptedBroker().connection);
  await wrongRequests(gateway.url);
  assert.deepEqual(gateway.lines, []);
});

test('a fault of the gateway itself is told to the log, and to the sender only that there is one', async () => {
  const broker = createScriptedBroker();
  const secrets = () => {
    throw new Error('EISDIR: the secret is a folder');
  };
  await using gateway = await gatewayUnderTest(broker.connection, { secrets });
  const answer = await send(gateway.url, '/reviewer/github');
  assert.deepEqual([answer.code, JSON.parse(answer.text)], [500, { error: 'the gateway failed; its log says why' }]);
  assert.match(gateway.lines.join(''), /EISDIR: the secret is a folder/);
  assert.equal(await gateway.requests('web/reviewer/github', 500, 'internal'), 1);
});

/** Waits, one turn of the event loop after another. */
async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'not within 30 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
