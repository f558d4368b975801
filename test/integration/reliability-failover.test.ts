import { suite, test } from 'node:test';
import { runStoreTroubles, storeFailover } from '../support/store-trouble.ts';

suite('a store that fails over, by the ledger', { concurrency: true }, () => {
  test('Redis', (t) => runStoreTroubles(t, 'redis', '4.0', [storeFailover]));
  test('Valkey', (t) => runStoreTroubles(t, 'valkey', '3.10', [storeFailover]));
});
