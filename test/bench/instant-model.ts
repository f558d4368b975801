import type { Model } from '../../src/model/port.ts';

/** A model inside the process that answers in the next turn of the event loop: what is left is the cost of everything else. */
export const instantModel: Model = {
  async call({ model }) {
    await new Promise((resolve) => setImmediate(resolve));
    return {
      stopReason: 'end_turn',
      rawStopReason: 'end_turn',
      text: 'A small change with little risk.',
      model,
      usage: { input: 2_000, output: 10, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
    };
  },
};
