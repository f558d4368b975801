import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { LoggedProcess } from '../support/logged-process.ts';
import { onOperatorStage, operatorAgent } from '../support/operator-stage.ts';
import { scrape } from '../support/scrape.ts';

/** An agent that takes events of these types. */
const typed = (name: string, ...eventTypes: readonly string[]) =>
  operatorAgent(name, { triggers: [{ name: 'events', queue: { eventTypes } }], replicas: 0 });

suite('fan-out', { concurrency: 2 }, () => {
  test('an agent too many on one event type is reported by all that it reaches, and no more when it is gone', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition, told }) => {
      const operator = await start({ EVENTAGENT_FAN_OUT_ABOVE: '2' });
      await own.apply(typed('a', 'com.example.order'), typed('b', 'com.*.order'), typed('other', 'com.example.invoice'));
      await own.apply(operatorAgent('hooked', { triggers: [], replicas: 0 }));
      for (const name of ['a', 'b', 'other']) await condition(name, 'WideFanOut', 'False', 'FewAgents');
      await condition('hooked', 'WideFanOut', 'False', 'NoEventTypes');
      await untilWidest(operator, own.namespace, 2);

      await own.apply(typed('c', '#.order'));
      for (const name of ['a', 'b', 'c']) {
        const { message } = await condition(name, 'WideFanOut', 'True', 'ManyAgents');
        assert.equal(message, 'an event of type com.example.order reaches 3 agents of the namespace, more than 2: a, b, c');
      }
      await condition('other', 'WideFanOut', 'False', 'FewAgents');
      await untilWidest(operator, own.namespace, 3);
      await told('a', 'Warning ManyAgents: an event of type com.example.order reaches 3 agents');

      await own.kubectl('delete', 'eventagent', 'c', '--wait=false');
      for (const name of ['a', 'b']) await condition(name, 'WideFanOut', 'False', 'FewAgents');
      await untilWidest(operator, own.namespace, 2);
      await own.kubectl('delete', 'eventagents', '--all', '--wait=false');
      await untilWidest(operator, own.namespace, undefined);
    });
  });
});

/** Waits until the operator tells this largest number of agents; `undefined`: until it tells none. */
async function untilWidest(operator: LoggedProcess, namespace: string, wanted: number | undefined): Promise<void> {
  await eventually(`${wanted ?? 'no'} agents in the metric`, async () => {
    const port = operator.lines().find(({ msg }) => msg === 'listening')?.metricsPort;
    const samples = await scrape(`http://127.0.0.1:${port}/metrics`);
    const found = samples.filter(({ name, labels }) => name === 'eventagent_fan_out_agents' && labels.namespace === namespace);
    return found.length === (wanted === undefined ? 0 : 1) && found[0]?.value === wanted;
  });
}
