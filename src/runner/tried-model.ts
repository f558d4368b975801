import type { Model } from '../model/port.ts';
import type { GrowingPause, Try } from './growing-pause.ts';

/** A model whose calls tell whether its provider is there. */
export interface TriedModel extends Model {
  /** To be told where the last call has failed in a way that another event's would have, too. */
  failed(retryAfterMs: number): void;
}

/** Makes each call of a run's model a try of its provider: an answer is told to `provider` at once, a failure by whoever knows what it means. */
export function triedModel(model: Model, provider: GrowingPause): TriedModel {
  let last: Try | undefined;
  return {
    async call(request, signal) {
      const call = provider.begin();
      last = call;
      const turn = await model.call(request, signal);
      call.succeeded();
      return turn;
    },
    failed: (retryAfterMs) => last?.failed(retryAfterMs),
  };
}
