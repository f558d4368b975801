import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathVariable, portVariable, readEnvironment, secondsVariable, textVariable, wordVariable } from './environment.ts';
import { InputError } from './errors.ts';

const table = {
  FILE: pathVariable('A file.'),
  NAME: textVariable('A name.', 'a name'),
  PORT: portVariable('A port.', 8080),
  WAIT: secondsVariable('A wait.', 5, 60),
  LOG: wordVariable('A format.', ['json', 'text'], 'json'),
};
const good = { FILE: '/f', NAME: 'n' };

describe('the environment of a process', () => {
  it('is read into typed values, with what stands in for variables that are not set or empty', () => {
    assert.deepEqual(readEnvironment(table, { ...good, PORT: '', OTHER: 'x' }), {
      FILE: '/f',
      NAME: 'n',
      PORT: 8080,
      WAIT: 5,
      LOG: 'json',
    });
    assert.deepEqual(readEnvironment(table, { ...good, PORT: '0', WAIT: '60', LOG: 'text' }), {
      FILE: '/f',
      NAME: 'n',
      PORT: 0,
      WAIT: 60,
      LOG: 'text',
    });
  });

  for (const [change, message] of [
    [{ FILE: undefined }, 'the environment variable FILE is not set: it must be an absolute path'],
    [{ NAME: '' }, 'the environment variable NAME is not set: it must be a name'],
    [{ FILE: 'relative' }, 'the environment variable FILE is "relative": it must be an absolute path'],
    [{ PORT: '65536' }, 'the environment variable PORT is "65536": it must be a port from 0 to 65535 (0 takes a free one)'],
    [{ PORT: '-1' }, 'the environment variable PORT is "-1": it must be a port from 0 to 65535 (0 takes a free one)'],
    [{ PORT: '0x50' }, 'the environment variable PORT is "0x50": it must be a port from 0 to 65535 (0 takes a free one)'],
    [{ WAIT: '1.5' }, 'the environment variable WAIT is "1.5": it must be a whole number of seconds from 0 to 60'],
    [{ WAIT: '61' }, 'the environment variable WAIT is "61": it must be a whole number of seconds from 0 to 60'],
    [{ LOG: 'JSON' }, 'the environment variable LOG is "JSON": it must be json or text'],
  ] as const)
    it(`is refused: ${message}`, () =>
      assert.throws(
        () => readEnvironment(table, { ...good, ...change }),
        (error) => {
          assert.ok(error instanceof InputError);
          assert.deepEqual([error.code, error.message], ['Usage', message]);
          return true;
        },
      ));
});
