import { suite, test } from 'node:test';
import { runStoreTroubles } from '../support/store-trouble.ts';

suite('a store in trouble, by the ledger', { concurrency: true }, () => {
  test('Redis', (t) => runStoreTroubles(t, 'redis', '4.0'));
  test('Valkey', (t) => runStoreTroubles(t, 'valkey', '3.10'));
});
