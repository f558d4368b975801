import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { framedOutput } from './framed-output.ts';

test('two streams become one, in their order, with an end behind everything', async () => {
  const log = new PassThrough();
  const { out, err, end } = framedOutput(log);
  out.write('one\n');
  err.write('two ü\n');
  out.write('three\n');
  await end(1);
  assert.equal(String(log.read()), '["out",0,""]\n["out",1,"one\\n"]\n["err",2,"two ü\\n"]\n["out",3,"three\\n"]\n["end",4,1]\n');
});

test('there is a line before anything is said', () => {
  const log = new PassThrough();
  framedOutput(log);
  assert.equal(String(log.read()), '["out",0,""]\n');
});

test('whoever writes is held up while nobody reads', async () => {
  const log = new PassThrough();
  const { out, end } = framedOutput(log);
  const text = 'x'.repeat(100_000);
  let written = 0;
  while (out.write(text) && written < 100) written += 1;
  assert.ok(written < 5, `${written} texts`);
  const drained = once(out, 'drain');
  let length = 0;
  log.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  await drained;
  await end(0);
  assert.ok(length > text.length * (written + 1));
});
