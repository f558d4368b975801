import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_TOKENS } from '../../api/tokens.ts';
import { bookedIn, closedBy, EMPTY_LEDGER, type Ledger, type Limits, type Purchasing, reserve, settle } from './ledger.ts';

const HOUR = 3_600_000;
const NOW = 100 * HOUR;
const periods = { day: { from: 96 * HOUR, until: 120 * HOUR }, month: { from: 0, until: 720 * HOUR } };
const nextDay = { ...periods, day: { from: 120 * HOUR, until: 144 * HOUR } };
const money = (nanoUsd: number) => ({ nanoUsd, tokens: 2 * nanoUsd });

function call(event: string, nanoUsd: number, change: Partial<Purchasing> = {}): Purchasing {
  return {
    event,
    fence: `fence of ${event}`,
    amount: money(nanoUsd),
    usage: NO_TOKENS,
    model: 'm',
    spent: money(0),
    hasBegun: false,
    ...change,
  };
}

/** The ledger after calls that are all granted. */
function booked(limits: Limits, ...calls: readonly Purchasing[]): Ledger {
  return calls.reduce<Ledger>((ledger, purchasing) => {
    const { next, granting } = reserve(ledger, purchasing, limits, periods, NOW);
    assert.ok(granting.answer === 'granted' && next !== undefined);
    return next;
  }, EMPTY_LEDGER);
}

const perDay: Limits = { day: { nanoUsd: 100 } };

test('ledger: what is reserved is booked in both periods, and settling corrects it to what was used', () => {
  const ledger = booked(perDay, call('a', 40));
  assert.deepEqual([bookedIn(ledger, 'day', periods.day), bookedIn(ledger, 'month', periods.month)], [money(40), money(40)]);
  const settled = settle(ledger, call('a', 40), money(7), perDay, NOW);
  assert.ok(settled);
  assert.deepEqual(
    [bookedIn(settled, 'day', periods.day), bookedIn(settled, 'month', periods.month), settled.open],
    [money(7), money(7), {}],
  );
});

test('ledger: repeated writes change nothing', () => {
  const ledger = booked(perDay, call('a', 40));
  assert.deepEqual(reserve(ledger, call('a', 40), perDay, periods, NOW), { granting: { answer: 'granted' } });
  const settled = settle(ledger, call('a', 40), money(7), perDay, NOW) ?? EMPTY_LEDGER;
  assert.equal(settle(settled, call('a', 40), money(7), perDay, NOW), undefined);
});

test('ledger: up to the limit and not above', () => {
  const ledger = booked(perDay, call('a', 60), call('b', 40));
  const { next, granting } = reserve(ledger, call('c', 1), perDay, periods, NOW);
  assert.deepEqual(granting.answer, 'closed');
  assert.ok(next);
  assert.deepEqual(bookedIn(next, 'day', periods.day), money(100));
  assert.equal(closedBy(next, perDay, NOW)?.until, periods.day.until);
});

test('ledger: a limit in tokens counts tokens', () => {
  const limits: Limits = { month: { tokens: 100 } };
  assert.equal(reserve(booked(limits, call('a', 40)), call('b', 11), limits, periods, NOW).granting.answer, 'closed');
  assert.equal(reserve(booked(limits, call('a', 40)), call('b', 10), limits, periods, NOW).granting.answer, 'granted');
});

test('ledger: it opens again when enough comes back, when the period ends, and when the limits are others', () => {
  const full = booked(perDay, call('a', 60), call('b', 40));
  const closed = reserve(full, call('c', 30), perDay, periods, NOW).next ?? EMPTY_LEDGER;
  assert.ok(closedBy(settle(closed, call('a', 60), money(31), perDay, NOW) ?? EMPTY_LEDGER, perDay, NOW), 'one too few came back');
  assert.equal(closedBy(settle(closed, call('a', 60), money(30), perDay, NOW) ?? EMPTY_LEDGER, perDay, NOW), undefined);
  assert.equal(closedBy(closed, perDay, periods.day.until), undefined);
  assert.equal(closedBy(closed, { day: { nanoUsd: 101 } }, NOW), undefined);
});

test('ledger: a new day begins with nothing; what belongs to the old one is settled there', () => {
  const ledger = booked(perDay, call('a', 60), call('b', 40));
  const later = NOW + 24 * HOUR;
  const { next, granting } = reserve(ledger, call('c', 100), perDay, nextDay, later);
  assert.equal(granting.answer, 'granted');
  assert.ok(next);
  const settled = settle(next, call('a', 60), money(10), perDay, later) ?? EMPTY_LEDGER;
  assert.deepEqual([bookedIn(settled, 'day', nextDay.day), bookedIn(settled, 'month', nextDay.month)], [money(100), money(150)]);
});

test('ledger: a call that never came back stays booked, and the next taker of its event is told of it', () => {
  const ledger = booked(perDay, call('a', 60));
  const { next, granting, lost } = reserve(ledger, call('a', 30, { fence: 'of another taker' }), perDay, periods, NOW);
  assert.deepEqual([granting.answer, lost?.amount], ['granted', money(60)]);
  assert.deepEqual(bookedIn(next ?? EMPTY_LEDGER, 'day', periods.day), money(90));
  assert.equal(settle(next ?? EMPTY_LEDGER, call('a', 60), money(1), perDay, NOW), undefined, 'its own late settlement is not heard');
});

test('ledger: what an event has cost counts against its own limit, calls that never came back included', () => {
  const limits: Limits = { event: { nanoUsd: 100 } };
  assert.equal(reserve(EMPTY_LEDGER, call('a', 60, { spent: money(41) }), limits, periods, NOW).granting.answer, 'spent');
  assert.equal(reserve(EMPTY_LEDGER, call('a', 60, { spent: money(40) }), limits, periods, NOW).granting.answer, 'granted');
  const { granting, next } = reserve(booked(limits, call('a', 60)), call('a', 41, { fence: 'other' }), limits, periods, NOW);
  assert.deepEqual([granting.answer, next?.open], ['spent', {}]);
});

test('ledger: a call that no period has room for is not waited with', () => {
  assert.deepEqual(reserve(EMPTY_LEDGER, call('a', 101), perDay, periods, NOW).granting, { answer: 'exceeds', period: 'day' });
});

test('ledger: an event that had begun is not waited for until the period ends, once there is money again', () => {
  const full = booked(perDay, call('a', 60), call('b', 40));
  const closed = reserve(full, call('begun', 50, { hasBegun: true }), perDay, periods, NOW).next ?? EMPTY_LEDGER;
  const raised: Limits = { day: { nanoUsd: 160 } };
  const later = NOW + 1;
  const free = settle(closed, call('a', 60), money(0), perDay, NOW) ?? EMPTY_LEDGER;
  for (const [ledger, limits] of [
    [free, perDay],
    [reserve(closed, call('first', 10), raised, periods, later).next ?? EMPTY_LEDGER, raised],
  ] as const) {
    const ask = (now: number) => reserve(ledger, call('new', 20), limits, periods, now).granting.answer;
    assert.deepEqual([ask(later), ask(later + HOUR)], ['behind', 'granted']);
  }
});

test('ledger: an event that had begun goes before one that had not', () => {
  const full = booked(perDay, call('a', 60), call('b', 40));
  const closed = reserve(full, call('begun', 50, { hasBegun: true }), perDay, periods, NOW).next ?? EMPTY_LEDGER;
  const later = periods.day.until;
  const ask = (ledger: Ledger, purchasing: Purchasing) => reserve(ledger, purchasing, perDay, nextDay, later);
  assert.equal(ask(closed, call('new', 51)).granting.answer, 'behind');
  const besides = ask(closed, call('new', 50));
  assert.equal(besides.granting.answer, 'granted', 'there is room for both');
  const { next, granting } = ask(besides.next ?? EMPTY_LEDGER, call('begun', 50, { hasBegun: true }));
  assert.deepEqual([granting.answer, next?.claimants], ['granted', {}]);
  assert.equal(
    reserve(closed, call('new', 51), perDay, nextDay, later + HOUR).granting.answer,
    'granted',
    'it never came, and is not waited for',
  );
});

/** What UTC calls a day and a month, as the clocks of another zone see it: theirs begin so much later. */
const shifted = (hours: number, { day, month } = periods) => ({
  day: { from: day.from + hours * HOUR, until: day.until + hours * HOUR },
  month: { from: month.from + hours * HOUR, until: month.until + hours * HOUR },
});

test('ledger: with another time zone what was booked still counts, in its day and month and no longer', () => {
  const limits: Limits = { month: { nanoUsd: 100 } };
  const spent = settle(booked(limits, call('a', 99)), call('a', 99), money(95), limits, NOW) ?? EMPTY_LEDGER;
  for (const hours of [-2, 3]) {
    const theirs = shifted(hours);
    const { granting, next } = reserve(spent, call('b', 90), limits, theirs, NOW);
    assert.equal(granting.answer, 'closed', `${hours} hours`);
    assert.ok(next);
    assert.deepEqual([bookedIn(next, 'day', theirs.day), bookedIn(next, 'month', theirs.month)], [money(95), money(95)]);
    const later = shifted(hours, { ...periods, month: { from: 720 * HOUR, until: 1440 * HOUR } });
    // A month that began before the old one had ended counts that one in.
    const want = hours < 0 ? 'closed' : 'granted';
    assert.equal(reserve(next, call('b', 90), limits, later, later.month.from).granting.answer, want);
    const after = shifted(hours, { ...periods, month: { from: 1440 * HOUR, until: 2160 * HOUR } });
    assert.equal(reserve(next, call('b', 90), limits, after, after.month.from).granting.answer, 'granted');
  }
});

test('ledger: pods of an old and a new time zone leave each other their bookings, and no booking is carried for ever', () => {
  const limits: Limits = { day: { nanoUsd: 1000 } };
  let ledger = EMPTY_LEDGER;
  for (let hour = 0; hour < 24 * 30; hour += 1) {
    const now = periods.day.from + hour * HOUR;
    const begins = (zone: number) => now - ((((hour - zone) % 24) + 24) % 24) * HOUR;
    const day = { from: begins(hour % 2 === 0 ? 0 : 10), until: begins(hour % 2 === 0 ? 0 : 10) + 24 * HOUR };
    const one = call(`event ${hour}`, 9);
    const { next, granting } = reserve(ledger, one, limits, { ...periods, day }, now);
    assert.ok(granting.answer === 'granted' && next !== undefined);
    ledger = settle(next, one, money(1), limits, now) ?? EMPTY_LEDGER;
    const since = (now - Math.max(day.from, periods.day.from)) / HOUR + 1;
    const { nanoUsd } = bookedIn(ledger, 'day', day);
    assert.ok(nanoUsd >= since && nanoUsd <= 72, `${nanoUsd} booked in ${since} hours`);
    assert.ok((ledger.day?.beside?.length ?? 0) <= 5);
  }
});

test('ledger: a call that was reserved before the time zone was changed is settled where it is booked', () => {
  const ledger = booked(perDay, call('a', 60));
  const theirs = shifted(-2);
  const next = reserve(ledger, call('b', 30), perDay, theirs, NOW).next ?? EMPTY_LEDGER;
  const settled = settle(next, call('a', 60), money(10), perDay, NOW) ?? EMPTY_LEDGER;
  assert.deepEqual(bookedIn(settled, 'day', theirs.day), money(40));
});

test('ledger: a call that the record of its event knows of is settled with what it has cost, and not lost', () => {
  const limits: Limits = { event: { nanoUsd: 100 } };
  const ledger = booked(limits, call('a', 60, { spent: money(10) }));
  const { next, granting, lost } = reserve(ledger, call('a', 60, { fence: 'other', spent: money(35) }), limits, periods, NOW);
  assert.deepEqual([granting.answer, lost], ['granted', undefined]);
  assert.deepEqual(bookedIn(next ?? EMPTY_LEDGER, 'day', periods.day), money(85));
});

test('ledger: nothing is kept for an event that had begun and is given up', () => {
  const full = booked(perDay, call('a', 60), call('b', 40));
  const ledger = reserve(full, call('begun', 50, { hasBegun: true }), perDay, periods, NOW).next ?? EMPTY_LEDGER;
  assert.deepEqual(Object.keys(ledger.claimants), ['begun']);
  const later = periods.day.until;
  for (const [limits, change, answer] of [
    [{ ...perDay, event: { nanoUsd: 60 } }, { spent: money(20) }, 'spent'],
    [{ day: { nanoUsd: 49 } }, {}, 'exceeds'],
  ] as const) {
    const { next, granting } = reserve(ledger, call('begun', 50, { hasBegun: true, ...change }), limits, nextDay, later);
    assert.deepEqual([granting.answer, next?.claimants], [answer, {}]);
    assert.equal(reserve(next ?? EMPTY_LEDGER, call('new', 40), limits, nextDay, later).granting.answer, 'granted');
  }
});
