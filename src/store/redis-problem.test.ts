import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisProblem } from './redis-problem.ts';

const failed = (message: string, code?: string) => Object.assign(new Error(message), code === undefined ? {} : { code });

const problems: readonly (readonly [name: string, error: Error, says: string])[] = [
  [
    'something else answers',
    failed('Unknown RESP type 72 "H". Please report this.'),
    'what answers there is not Redis; correct the address',
  ],
  [
    'so it was said before',
    failed('Protocol error, got "H" as reply type byte. Please report this.'),
    'what answers there is not Redis; correct the address',
  ],
  [
    'it answers with an alert of TLS',
    failed('Unknown RESP type 21 "\u0015". Please report this.'),
    'it speaks TLS alone; write rediss:// instead of redis://',
  ],
  [
    'it speaks no TLS',
    failed('write EPROTO 1:error', 'ERR_SSL_WRONG_VERSION_NUMBER'),
    'no TLS can be spoken with it (ERR_SSL_WRONG_VERSION_NUMBER)',
  ],
  ['it says nothing', failed("Socket timeout. Expecting data, but didn't receive any in 5000ms."), 'it takes connections and says nothing'],
  [
    'it is protected',
    failed(
      'DENIED Redis is running in protected mode because no password is set. In this mode connections are only accepted from the loopback interface.\r\nIf you want',
    ),
    'DENIED Redis is running in protected mode because no password is set',
  ],
  ['it wants a login', failed('NOAUTH Authentication required.'), 'NOAUTH Authentication required'],
  ['it is not there', failed('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'), 'connect ECONNREFUSED 127.0.0.1:1'],
];
for (const [name, error, says] of problems)
  test(`what is wrong with a Redis is said in one line: ${name}`, () => assert.equal(redisProblem(error, false), says));
