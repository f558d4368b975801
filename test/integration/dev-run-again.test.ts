import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifestFolder, startDev } from '../support/dev-process.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { deliver } from '../support/github-sender.ts';
import { onRealStage } from '../support/real-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';

const WORK = 'ea.test.reviewer';

// What docs/operations.md says under "To run one again".
test('a dead letter is not run again when its sender repeats it, and is when it comes back with the next ea-gen, or under another id', (t) =>
  onRealStage(t, '4.3', async ({ stub, sink, parts, look, publish }) => {
    let broken = true;
    sink.script(({ path }) => (broken && path === '/second' ? { status: 422 } : {}));
    const options = { claudeUrl: stub.url, sinkUrl: sink.url, outputs: ['first', 'second'] };
    await using manifest = await manifestFolder(reviewAgent(options));
    await using dev = await startDev([manifest.file, ...parts]);
    assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
    assert.equal((await settled(dev, 'event-1')).outcome, 'dead');
    broken = false;
    const outcomes = () => endsOf(dev, 'event-1').map(({ outcome }) => outcome);

    assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
    await dev.until('the repetition is dropped', () => outcomes().length === 2);
    assert.deepEqual(outcomes(), ['dead', 'duplicate']);

    const [letter] = await look(`${WORK}.dead`);
    const { timestamp: _, ...properties } = letter?.properties ?? { headers: {} };
    await publish(WORK, 'work', letter?.payload ?? '', properties);
    await dev.until('the copy as it was is dropped', () => outcomes().length === 3);
    assert.deepEqual(outcomes(), ['dead', 'duplicate', 'duplicate']);

    await publish(WORK, 'work', letter?.payload ?? '', { ...properties, headers: { ...properties.headers, 'ea-gen': 1 } });
    await dev.until('the copy of the next gen is run', () => outcomes().length === 4);
    assert.deepEqual(outcomes(), ['dead', 'duplicate', 'duplicate', 'done']);
    assert.equal(stub.received().length, 1, 'the answer was bought once');
    assert.deepEqual(
      sink.requests().map(({ path }) => path),
      ['/first', '/second', '/second'],
      'what was delivered is not delivered again',
    );

    assert.equal(await deliver(dev.gatewayUrl, 'event-2', { title: 'change event-1' }), 202);
    assert.equal((await settled(dev, 'event-2')).outcome, 'done');
    dev.signal('SIGTERM');
    assert.equal(await dev.exit, 0);
  }));
