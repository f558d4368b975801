import type { Fate } from './incarnation.ts';
import type { Random } from './random.ts';

/** A process that dies now and then, freezes now and then, until the world has had trouble enough. */
export function unluckyFate(random: Random, trouble: { left: number }, freeze: (ms: number) => void): Fate {
  const strikes = () => {
    if (trouble.left <= 0) return false;
    if (random.chance(0.01)) {
      trouble.left -= 1;
      freeze(random.integer(5000, 60_000));
    }
    if (!random.chance(0.02)) return false;
    trouble.left -= 1;
    return true;
  };
  return { before: strikes, after: strikes, acknowledging: () => {} };
}
