import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { reservePorts } from './ports.ts';

test('wherever the search begins, no port is given twice, and none from the range of outgoing connections', async () => {
  const reservations = await Promise.all(Array.from({ length: 20 }, () => reservePorts(4, 31_990)));
  const numbers = reservations.flatMap((reservation) => reservation.numbers);
  assert.equal(new Set(numbers).size, 80);
  assert.ok(numbers.every((port) => port >= 20_000 && port < 32_000));
  for (const reservation of reservations) await reservation[Symbol.asyncDispose]();
});

test('a reserved port can be listened on', async () => {
  await using ports = await reservePorts(1);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ports.numbers[0], '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});
