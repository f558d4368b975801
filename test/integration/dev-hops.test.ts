import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { STUB_KEY } from '../support/claude-stub.ts';
import { cloudEvent, structured } from '../support/cloud-event.ts';
import { manifestFolder, startDev } from '../support/dev-process.ts';
import { endsOf } from '../support/dev-stage.ts';
import { exchange } from '../support/http-exchange.ts';
import { onRealStage } from '../support/real-stage.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';

/** An agent whose answer is its next event, and says of itself that it has come through none. */
function selfFeeding(claudeUrl: string, ownUrl: string): readonly object[] {
  const envelope =
    '{"specversion": "1.0", "id": "{{ event.id }}x", "source": "/self", "type": "again", "hop": 0, "data": {{ output.text | json }} }';
  return [
    {
      apiVersion: 'eventagent.dev/v1alpha1',
      kind: 'EventAgent',
      metadata: { name: 'narcissus', namespace: 'test' },
      spec: {
        triggers: [{ name: 'again', webhook: { verification: { scheme: 'None' } } }],
        agent: {
          model: 'claude-sonnet-5-5',
          apiKeySecretRef: { name: 'anthropic', key: 'api-key' },
          baseUrl: claudeUrl,
          prompt: '[[event:{{ event.id }}]] Say it again.',
          maxTokens: 64,
        },
        outputs: [
          {
            name: 'self',
            http: {
              url: `${ownUrl}/narcissus/again`,
              contentType: 'application/cloudevents+json',
              bodyTemplate: envelope,
              headers: [{ name: 'CE-Hop', value: '0' }],
            },
          },
        ],
      },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'anthropic', namespace: 'test' }, stringData: { 'api-key': STUB_KEY } },
  ];
}

suite('an agent that feeds itself', () => {
  test('ends as a dead letter after eight hops, and each of them has bought one answer', (t) =>
    onRealStage(t, '4.3', async ({ stub, parts, look }) => {
      // The agent has to know its own webhook before `dev` has a port for it.
      await using own = await createTcpProxy(1);
      await using manifest = await manifestFolder(selfFeeding(stub.url, `http://127.0.0.1:${own.port}`));
      await using dev = await startDev([manifest.file, ...parts]);
      own.leadTo(Number(new URL(dev.gatewayUrl).port));
      assert.equal((await exchange(`${dev.gatewayUrl}/narcissus/again`, structured(cloudEvent({ id: 'e' })))).code, 202);
      const dead = () => endsOf(dev).filter(({ outcome }) => outcome === 'dead');
      await dev.until('the circle ends', () => dead().length > 0 || stub.received().length > 20, 60_000);

      const ids = Array.from({ length: 9 }, (_, hops) => `e${'x'.repeat(hops)}`);
      assert.deepEqual(
        stub.ledger().map(({ marker }) => marker),
        ids,
      );
      assert.deepEqual(
        dead().map(({ eventId, reason }) => [eventId, reason]),
        [['exxxxxxxxx', 'HopLimit']],
      );
      const [letter, ...more] = await look('ea.test.narcissus.dead');
      assert.deepEqual(more, []);
      assert.deepEqual([letter?.properties.headers['ea-reason'], letter?.properties.headers['ce-hop']], ['HopLimit', 9]);
    }));
});
