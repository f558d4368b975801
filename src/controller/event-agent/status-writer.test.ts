import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedAgent } from '../../../test/support/stored-agent.ts';
import type { Operator } from '../operator.ts';
import { StatusWriter } from './status-writer.ts';

const reach = (count: number, first = 'a', type = 'x') => ({ type, count, agents: [first] });

const steps: readonly [
  what: string,
  afterMs: number,
  seen: ReturnType<typeof reach> | undefined,
  shown: ReturnType<typeof reach> | undefined,
][] = [
  ['what was not known before is told at once', 0, reach(20), reach(20)],
  ['one more agent is not', 0, reach(21), reach(20)],
  ['nor after a minute', 60_000, reach(21), reach(20)],
  ['a tenth is, after a minute', 0, reach(22), reach(22)],
  ['not before', 59_000, reach(30), reach(22)],
  ['as many agents of other names are told after a minute', 2_000, reach(22, 'b'), reach(22, 'b')],
  ['another type is told at once', 0, reach(22, 'b', 'y'), reach(22, 'b', 'y')],
  ['that it is over, too', 0, undefined, undefined],
];

test('how many agents a type reaches is told anew only where that is worth a write', () => {
  let now = 0;
  const writer = new StatusWriter({ clock: { now: () => now } } as unknown as Operator);
  const agent = storedAgent({ name: 'a' }, {}, 0);
  for (const [what, afterMs, seen, shown] of steps) {
    now += afterMs;
    assert.deepEqual(writer.reach(agent, seen), shown, what);
  }
});
