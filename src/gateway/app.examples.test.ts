import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { embeddedGateway } from '../../test/support/embedded-gateway.ts';
import { SECRET } from '../../test/support/gateway-under-test.ts';
import { githubDelivery, githubExamples } from '../../test/support/github-delivery.ts';
import { exchange } from '../../test/support/http-exchange.ts';
import { envelopeOf } from '../api/event.ts';

test('every recorded payload of GitHub and its Enterprise Server is accepted and published byte for byte', async () => {
  await using world = await embeddedGateway();
  const { gateway } = world;
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const examples = githubExamples();
  const events = examples.filter(({ event }) => event !== 'ping');
  assert.ok(examples.length >= 700, `${events.length} examples`);
  const sent = new Map<string, { readonly event: string; readonly body: Buffer; readonly repository: unknown }>();
  await Promise.all(
    examples.map(async ({ event, payload }, index) => {
      const body = Buffer.from(JSON.stringify(payload, null, index % 3));
      if (event !== 'ping') sent.set(`delivery-${index}`, { event, body, repository: payload.repository });
      const answer = await exchange(`${gateway.url}/reviewer/github`, {
        ...githubDelivery(SECRET, event, body, `delivery-${index}`),
        agent,
      });
      assert.deepEqual(
        [answer.code, JSON.parse(answer.text)],
        event === 'ping' ? [200, { status: 'ok' }] : [202, { id: `delivery-${index}` }],
      );
    }),
  );
  agent.destroy();
  assert.equal(world.stored().length, events.length);
  for (const publication of world.stored()) {
    const { attributes } = envelopeOf(publication, publication.exchange);
    const original = sent.get(attributes.id ?? '');
    assert.ok(original !== undefined);
    assert.ok(publication.body.equals(original.body));
    assert.equal(attributes.type, `github.${original.event}`);
    assert.equal(publication.contentType, 'application/json');
    if (typeof original.repository === 'object' && original.repository !== null && 'html_url' in original.repository)
      assert.equal(attributes.source, original.repository.html_url);
    else assert.match(attributes.source, /^https?:\/\//);
    sent.delete(attributes.id ?? '');
  }
  assert.equal(sent.size, 0);
});

test('the same delivery twice is answered with the same id, and both carry it for the consumer to see', async () => {
  await using world = await embeddedGateway();
  const { gateway } = world;
  const request = githubDelivery(SECRET, 'push', '{"repository":{"html_url":"https://github.com/octo/hello"}}', 'delivery-7');
  const answers = [await exchange(`${gateway.url}/reviewer/github`, request), await exchange(`${gateway.url}/reviewer/github`, request)];
  assert.deepEqual(
    answers.map(({ code, text }) => [code, JSON.parse(text)]),
    Array(2).fill([202, { id: 'delivery-7' }]),
  );
  const [first, second] = world.stored().map((publication) => envelopeOf(publication, publication.exchange).attributes);
  assert.deepEqual([first?.id, first?.source], ['delivery-7', 'https://github.com/octo/hello']);
  assert.deepEqual(second, first);
});
