import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until `look` gives something, for what says no word of itself when it changes: a server's listing, a file. Rejects with `what` after `timeoutMs`. */
export async function eventually<Found>(what: string, look: () => Promise<Found | undefined | false>, timeoutMs = 30_000): Promise<Found> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(50);
  }
}
