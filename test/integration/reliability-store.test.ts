import { suite, test } from 'node:test';
import { runStoreTroubles, storeTroubles } from '../support/store-trouble.ts';

suite('a store in trouble, by the ledger', { concurrency: true }, () => {
  test('Redis', (t) => runStoreTroubles(t, 'redis', '4.0', storeTroubles));
  test('Valkey', (t) => runStoreTroubles(t, 'valkey', '3.10', storeTroubles));
});
