import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CRON_TIMES, readCronCorpus } from '../../test/support/cron-corpus.ts';
import { InputError } from '../lib/errors.ts';
import { type Cron, parseCron } from './cron.ts';
import { nextAfter } from './next.ts';
import { timeZone } from './time-zone.ts';

// What the corpus holds is what the library says: test/integration/cron-library.test.ts asks it again.
const corpus = readCronCorpus();

function parsed(expression: string): Cron | undefined {
  try {
    return parseCron(expression);
  } catch (error) {
    assert.ok(error instanceof InputError && error.code === 'BadSchedule', `${JSON.stringify(expression)} throws ${String(error)}`);
    return undefined;
  }
}

function timesOf(expression: string, zoneName: string, afterMs: number): readonly number[] {
  const cron = parsed(expression);
  const zone = timeZone(zoneName);
  assert.ok(cron !== undefined && zone !== undefined);
  const times: number[] = [];
  for (let at: number | undefined = afterMs; times.length < CRON_TIMES; ) {
    at = nextAfter(cron, zone, at);
    if (at === undefined) break;
    times.push(at / 1000);
  }
  return times;
}

describe('a cron expression', () => {
  it('is taken where the API server takes it, and nowhere else', () => {
    for (const [expression, taken] of Object.entries(corpus.expressions))
      assert.equal(parsed(expression) !== undefined, taken, JSON.stringify(expression));
  });

  it('is taken and refused in the corpus, often enough to mean something', () => {
    const taken = Object.values(corpus.expressions).filter((value) => value).length;
    assert.ok(taken > 80 && Object.keys(corpus.expressions).length - taken > 80);
  });

  it('fires when kube-controller-manager would make a Job: over leap days, and over every change of the clocks', () => {
    let asked = 0;
    for (const { zone, afterMs, next } of corpus.times)
      for (const [expression, expected] of Object.entries(next)) {
        const times = timesOf(expression, zone, afterMs);
        asked += 1;
        // Where the library turns in circles, coming to an end is all that is wanted.
        if (expected !== null) assert.deepEqual(times, expected, `${expression} in ${zone} after ${new Date(afterMs).toISOString()}`);
      }
    assert.ok(asked > 5000, `${asked}`);
  });
});

describe('a time zone', () => {
  it('is known by the names that the API server knows, in their own capitals, and by no others', () => {
    for (const [name, known] of Object.entries(corpus.zones)) assert.equal(timeZone(name) !== undefined, known, JSON.stringify(name));
  });
});
