import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AgentEvent } from '../api/event.ts';
import { InputError } from '../lib/errors.ts';
import { parseFilter, parseKey } from './cel.ts';

const event: AgentEvent = {
  id: 'delivery-1',
  source: '/github',
  type: 'github.pull_request',
  extensions: { tenant: 'acme' },
  hop: 2,
  data: {
    n: 5,
    half: 0.5,
    text: 'hunter2',
    list: [1, 2, 3],
    nothing: null,
    nested: { flag: true },
    constructor: { name: 'ferrari' },
    cars: [{ constructor: 'x', n: 1 }],
  },
};

function thrown(run: () => unknown): InputError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, 'BadFilter');
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('a filter', () => {
  const answers: readonly (readonly [string, boolean])[] = [
    ['event.type == "github.pull_request" && event.data.n == 5', true],
    ['event.type.startsWith("gitlab.")', false],
    ['event.data.n > 4', true],
    ['event.data.n + 1 == 6', true],
    ['1 + event.data.n == 6', true],
    ['1 + event.data.n == 6.0 && 10 / event.data.n == 2', true],
    ['size(event.data.list) * event.data.half == 1.5', true],
    ['event.data.n - 1 < 4.5', true],
    ['event.data.n * 2 >= 10', true],
    ['event.data.n / 2 == 2.5', true],
    ['event.data.n % 2 == 1', true],
    ['event.data.half + event.data.n == 5.5', true],
    ['event.data.n in [4, 5]', true],
    ['3 in event.data.list', true],
    ['4 in event.data.list', false],
    ['event.data.list[event.data.n - 4] == 2', true],
    ['size(event.data.list) + 1 == 4', true],
    ['string(event.data.n) == "5"', true],
    ['event.hop == 2 && event.hop + 1 == 3', true],
    ['event.extensions.tenant == "acme"', true],
    ['event.data.nothing == null', true],
    ['has(event.data.missing)', false],
    ['has(event.subject) && event.subject == "x"', false],
    ['event.data.?missing.orValue(7) == 7', true],
    ['event.data.list.exists(x, x > 2)', true],
    ['event.data.list.map(x, x * 2).all(x, x >= 2)', true],
    ['event.data.nested.flag', true],
    ['event.data.constructor.name == "ferrari"', true],
    ['event.data.cars.exists(car, car.constructor == "x" && car.n + 1 == 2)', true],
    ['timestamp("2026-01-01T00:00:00Z") < timestamp("2026-01-02T00:00:00Z")', true],
  ];
  for (const [source, answer] of answers) it(`${source} is ${answer}`, () => assert.equal(parseFilter(source)(event), answer));

  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /^line 1, column 1: Unexpected token: EOF/],
    ['event.type ==\n  && true', /^line 2, column 3: Unexpected token/],
    ['event.type == "x', /^line 1, column 15: Unterminated string/],
    ['evnt.type == "x"', /^line 1, column 1: Unknown variable: evnt; the only variable is event/],
    ['event.name == "x"', /^line 1, column 7: No such key: name; event has id, source/],
    ['event.type + 1 == "x"', /^line 1, column 1: no such overload: string \+ int/],
    ['event.data.foo()', /^line 1, column 1: found no matching overload/],
    ['event.id', /^gives string, but a filter is true or false/],
    ['event.data.text.matches("(a+)+$")', /^line 1, column 1: matches\(\) is not available: use startsWith/],
    ['has(event.data.a) && matches(event.id, "x")', /^line 1, column 22: matches\(\) is not available/],
    ['event.data.list.all(a, event.data.list.exists(b, a == b))', /^line 1, column 24: exists\(\) stands inside another/],
    ['[[1]].map(a, a.filter(b, b > 0)).size() > 0', /^line 1, column 14: filter\(\) stands inside another/],
    ['{"a": [1].all(x, [x].all(y, y > 0))}.a', /^line 1, column 18: all\(\) stands inside another/],
    ['cel.bind(x, "aa", x == x)', /^line 1, column 1: cel\.bind\(\) is not available/],
    [`true${' && true'.repeat(600)}`, /Exceeded maxAstNodes|maxAstNodes/],
    [`${'('.repeat(60)}true${')'.repeat(60)}`, /maxDepth/],
  ];
  for (const [source, message] of refused)
    it(`is refused: ${source.slice(0, 60) || 'nothing'}`, () => assert.match(thrown(() => parseFilter(source)).message, message));

  const failures: readonly (readonly [string, RegExp])[] = [
    ['event.data.missing == 1', /^line 1, column 12: this event has no event\.data\.missing; guard it with has/],
    ['event.subject == "x"', /^line 1, column 7: this event has no event\.subject/],
    ['event.data.nothing.x == 1', /this event has no event\.data\.nothing\.x/],
    ['event.data[event.data.text] == 1', /this event has no event\.data\[event\.data\.text\]/],
    ['event.data.list[7] == 1', /an index lies outside its list/],
    [
      'event.data.text > 1',
      /^line 1, column 1: event\.data\.text is a string on this event, and > does not take a string and a whole number$/,
    ],
    ['1 < event.data.nothing', /event\.data\.nothing is null on this event, and < does not take a whole number and null$/],
    [
      'event.data.text < event.data.n',
      /event\.data\.text is a string and event\.data\.n is a number on this event, and < does not take a string and a number$/,
    ],
    ['event.data.list + 1 == 2', /event\.data\.list is a list on this event, and \+ does not take a list and a whole number$/],
    ['"a" in event.data.text', /event\.data\.text is a string on this event, and in does not take a string and a string$/],
    ['!event.data.text', /event\.data\.text is a string on this event, and ! does not take a string$/],
    ['-event.data.nested == 1', /event\.data\.nested is a map on this event, and - does not take a map$/],
    ['event.data.text && true', /event\.data\.text is a string on this event, where true or false is needed: compare it with something$/],
    ['event.data.n ? true : false', /event\.data\.n is a number on this event, where true or false is needed/],
    ['event.data.n.startsWith("a")', /event\.data\.n is a number on this event, and has no startsWith\(\) with a string$/],
    ['event.data.text.startsWith(event.data.n)', /event\.data\.text is a string on this event, and has no startsWith\(\) with a number$/],
    ['event.data.n.size() > 1', /event\.data\.n is a number on this event, and has no size\(\)$/],
    ['size(event.data.n) > 1', /event\.data\.n is a number on this event, and size\(\) does not take a number$/],
    ['event.data.n.exists(x, x == 1)', /event\.data\.n is a number on this event, and only a list or a map can be gone through$/],
    [
      'timestamp(event.data.text) > timestamp("2026-01-01T00:00:00Z")',
      /timestamp\(\) can make nothing of event\.data\.text on this event$/,
    ],
    ['duration(event.data.text) > duration("1s")', /duration\(\) can make nothing of event\.data\.text on this event$/],
    ['event.data.n', /^gave a number for this event, and must give true or false/],
    ['event.data.nested', /^gave a map for this event/],
    ['bool(event.data.text)', /^line 1, column 1: bool\(\) can make nothing of event\.data\.text on this event$/],
    ['int(event.data.text) == 1', /int\(\) can make nothing of event\.data\.text on this event$/],
    ['double(event.data.text) == 1.0', /double\(\) can make nothing of event\.data\.text on this event$/],
    ['event.hop / 0 == 1', /division by zero/],
  ];
  for (const [source, message] of failures)
    it(`fails on an event, and does not quote it: ${source}`, () => {
      const error = thrown(() => parseFilter(source)(event));
      assert.match(error.message, message);
      assert.doesNotMatch(`${error.message} ${String(error.cause ?? '')}`, /hunter2/);
    });

  it('is one function for many events', () => {
    const filter = parseFilter('event.data.n > 4');
    assert.deepEqual(
      [1, 5, 9].map((n) => filter({ ...event, data: { n } })),
      [false, true, true],
    );
  });

  it('fails, and the process lives, on data nested deeper than the stack', () => {
    let deep: unknown = 'x';
    for (let level = 0; level < 50_000; level += 1) deep = [deep];
    assert.equal(
      typeof thrown(() => parseFilter('event.data == event.data.constructor')({ ...event, data: { constructor: deep, deep } })).message,
      'string',
    );
  });
});

describe('an idempotency key', () => {
  it('is a string made of the event', () => assert.equal(parseKey('event.source + "#" + string(event.data.n)')(event), '/github#5'));

  it('is refused when it can only be something else', () =>
    assert.match(thrown(() => parseKey('event.hop')).message, /^gives int, but a key is a string: wrap other values in string/));

  it('fails where the event gives something else', () =>
    assert.match(thrown(() => parseKey('event.data.n')(event)).message, /^gave a number for this event, and must give a string/));

  it('fails where the event has no such field', () =>
    assert.match(thrown(() => parseKey('event.data.order.id')(event)).message, /this event has no event\.data\.order; guard it/));
});
