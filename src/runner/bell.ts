/** Wakes one sleeper. */
export interface Bell {
  readonly ring: () => void;
  /** Resolves at the next ring; at once where it was rung since the last time that somebody was woken. */
  readonly rung: () => Promise<void>;
}

/** A bell that nobody has rung yet. Of any number of rings before somebody listens, one is heard. */
export function createBell(): Bell {
  let wake: (() => void) | undefined;
  let pending = false;
  return {
    ring() {
      pending = wake === undefined;
      wake?.();
      wake = undefined;
    },
    rung: () =>
      new Promise((resolve) => {
        if (pending) resolve();
        else wake = resolve;
        pending = false;
      }),
  };
}
