import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { brokerNames, digest } from './names.ts';

const label = (most: number) => fc.stringMatching(new RegExp(`^[a-z0-9]([-a-z0-9]{0,${most - 2}}[a-z0-9])?$`));
const agent = fc.record({ namespace: label(63), name: label(40) });

function allNames(ref: { namespace: string; name: string }): readonly string[] {
  const names = brokerNames(ref);
  return [names.work, names.wait, names.dead, names.tier(10_000), names.tier(86_400_000), names.events];
}

test("every name fits AMQP's 255 bytes and keeps to what URLs and policies take as it is", () => {
  fc.assert(
    fc.property(agent, (ref) => {
      for (const name of allNames(ref)) {
        assert.ok(Buffer.byteLength(name) <= 255, name);
        assert.match(name, /^[a-z0-9._-]+$/);
      }
    }),
  );
});

test('no two agents share a queue, and no queue has the name of an events exchange', () => {
  fc.assert(
    fc.property(agent, agent, (one, other) => {
      fc.pre(one.namespace !== other.namespace || one.name !== other.name);
      const shared = allNames(one).filter((name) => allNames(other).includes(name));
      assert.deepEqual(shared, one.namespace === other.namespace ? [brokerNames(one).events] : []);
    }),
  );
});

test('a digest tells lists of parts apart that run together into the same text', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), fc.array(fc.string(), { minLength: 1 }), (one, other) => {
      assert.equal(digest(...one) === digest(...other), JSON.stringify(one) === JSON.stringify(other));
    }),
  );
  assert.notEqual(digest('ab', 'c'), digest('a', 'bc'));
});
