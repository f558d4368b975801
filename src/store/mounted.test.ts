import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { createMemoryStore } from './memory.ts';
import { watchStore } from './mounted.ts';
import { type Store, StoreError } from './port.ts';

/** A store whose answers a test decides, and a watch on it. */
function watched(first: StoreError | undefined) {
  const clock = createManualClock();
  const state = { failure: first, asked: 0 };
  const store: Store = {
    ...createMemoryStore(clock),
    ping: async () => {
      state.asked += 1;
      if (state.failure !== undefined) throw state.failure;
    },
  };
  const stop = new AbortController();
  const watch = watchStore(store, clock, stop.signal);
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };
  return { clock, state, stop, watch, pass };
}

const away = new StoreError('Unreachable', 'the store at x is away');
const refused = new StoreError('LoginRefused', 'the store at x refused the login of y');

describe('a watch on a store', () => {
  it('tells of its first answer, and from then on each second while it is away, each five while it is not', async () => {
    const { state, watch, pass, stop, clock } = watched(away);
    assert.equal(watch.problem(), 'the store has not answered yet');
    await pass(0);
    assert.equal(watch.problem(), 'the store at x is away');
    state.failure = undefined;
    await pass(1000);
    await watch.firstAnswer;
    assert.deepEqual([watch.problem(), state.asked], [undefined, 2]);
    await pass(4999);
    assert.equal(state.asked, 2);
    state.failure = away;
    await pass(1);
    assert.deepEqual([watch.problem(), state.asked], ['the store at x is away', 3]);
    state.failure = refused;
    await pass(1000);
    assert.equal(watch.problem(), 'the store at x refused the login of y', 'later it is a login that may be rotated');
    state.failure = undefined;
    await pass(1000);
    assert.equal(watch.problem(), undefined);
    stop.abort();
    assert.equal(clock.pending(), 0);
  });

  it('ends at a login that is refused before the first answer', async () => {
    const { state, watch, pass, clock } = watched(away);
    const ended = assert.rejects(watch.firstAnswer, {
      name: 'Termination',
      code: 'StoreLoginRefused',
      message: 'the store at x refused the login of y; correct the connection Secret of the store',
    });
    await pass(0);
    state.failure = refused;
    await pass(1000);
    await ended;
    assert.equal(clock.pending(), 0);
  });

  it('ends when it is told to, before the first answer, too', async () => {
    const { watch, pass, stop } = watched(away);
    const ended = assert.rejects(watch.firstAnswer, /enough/);
    await pass(0);
    stop.abort(new Error('enough'));
    await ended;
  });
});
