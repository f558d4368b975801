import { EventEmitter } from 'node:events';

/** Lets tests wait for something to become true of a part that says when it has changed. */
export interface Watchable {
  changed(): void;
  /** Resolves as soon as `condition` holds, looked at now and after each change; rejects with `what` after `timeoutMs`. */
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
}

/** A watchable without anybody waiting. */
export function createWatchable(): Watchable {
  const events = new EventEmitter().setMaxListeners(0);
  return {
    changed: () => void events.emit('change'),
    until(what, condition, timeoutMs = 30_000) {
      if (condition()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const look = () => {
          if (!condition()) return;
          stop();
          resolve();
        };
        const timer = setTimeout(() => {
          stop();
          reject(new Error(`not within ${timeoutMs} ms: ${what}`));
        }, timeoutMs);
        const stop = () => {
          clearTimeout(timer);
          events.off('change', look);
        };
        events.on('change', look);
      });
    },
  };
}
