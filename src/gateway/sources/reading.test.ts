import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EventAttributes, HOP_HEADER } from '../../api/event.ts';
import { withHop } from './reading.ts';

const event: EventAttributes = { id: '1', source: '/s', type: 't', extensions: {}, hop: 2 };

const hops: readonly (readonly [name: string, said: string | undefined, want: number])[] = [
  ['no header leaves the hops of the event', undefined, 2],
  ['more hops than the event says count', '3', 3],
  ['fewer do not', '0', 2],
  ['the most that can be said', '255', 255],
  ['one more is nothing', '256', 2],
  ['a sign is nothing', '+3', 2],
  ['a fraction is nothing', '3.5', 2],
  ['an exponent is nothing', '1e2', 2],
  ['two headers are nothing', '3, 4', 2],
  ['an empty header is nothing', '', 2],
];
for (const [name, said, want] of hops) {
  test(`hops of a request: ${name}`, () => {
    assert.deepEqual(withHop(event, said === undefined ? {} : { [HOP_HEADER]: said }), { ...event, hop: want });
  });
}
