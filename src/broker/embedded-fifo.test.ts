import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fifo } from './embedded-fifo.ts';

test('a list does what an array does, however it is filled and emptied', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(), fc.constantFrom('shift', 'clear', undefined)), { maxLength: 200 }), (steps) => {
      const fifo = new Fifo<number | undefined>();
      const array: (number | undefined)[] = [];
      for (const step of steps) {
        if (step === 'shift') assert.equal(fifo.shift(), array.shift());
        else if (step === 'clear') {
          fifo.clear();
          array.length = 0;
        } else {
          fifo.push(step);
          array.push(step);
        }
        assert.deepEqual([fifo.length, fifo.peek(), [...fifo]], [array.length, array[0], array]);
      }
    }),
  );
});
