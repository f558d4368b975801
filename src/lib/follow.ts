/**
 * Aborts `follower`, with the same reason, as soon as `signal` is aborted. The function that comes back ends that, and is to be called when the follower's work is over:
 * nothing is left behind on a signal that lives longer. `AbortSignal.any` would leave it to the garbage collector, which comes late, and never
 * for a combined signal that somebody still listens to: Node holds on to those itself. https://github.com/nodejs/node/issues/54614
 */
export function follow(signal: AbortSignal, follower: AbortController): () => void {
  const abort = () => follower.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
