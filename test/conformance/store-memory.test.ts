import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { storeConformance } from './store-suite.ts';

storeConformance('memory store', async () => {
  const store = createMemoryStore(systemClock);
  return { store, other: store, pass: (ms) => wait(ms) };
});
