import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fingerprintOf } from './fingerprint.ts';

const of = (error: string) => fingerprintOf('OutputRejected', error);

suite('errors of one cause have one fingerprint, whatever differs in', () => {
  const alike: Readonly<Record<string, readonly [string, ...string[]]>> = {
    figures: ['1024 tokens are too many', '4096 tokens are too many', '512 tokens are too many', '8 tokens are too many'],
    'figures with a unit': ['no answer within 30 s', 'no answer within 300 s', 'no answer within 120s', 'no answer within 2.5 s'],
    'numbers of three digits that are no status': ['item 612 is odd', 'item 613 is odd', 'item 1 is odd', 'item 099 is odd'],
    'ids of requests': ['request req_01ABC9 failed', 'request req_77XYZ1 failed', 'request req_abCDefGh failed'],
    'times of the day': ['failed at 10:20:30', 'failed at 23:59:01', 'failed at 23:59:01.123'],
    'times of ISO 8601': [
      'not after 2026-11-26T03:26:23.123Z',
      'not after 2025-01-02T10:00:00Z',
      'not after 2026-11-26 03:26',
      'not after 2026-11-26T03:26:23+01:00',
      'not after 2026-11-26',
    ],
    'times of HTTP': ['not after Thu, 26 Nov 2026 03:26:23 GMT', 'not after Fri, 2 Jan 2025 10:00:00 GMT'],
    'quoted values': ['key "alpha" is missing', 'key "beta and gamma" is missing', "key 'a' is missing", 'key “a” is missing'],
    UUIDs: ['event 0b81bb4c-6f0a-11ef-9f2c-8d3c8a9b1e11 is odd', 'event ffffffff-aaaa-bbbb-cccc-dddddddddddd is odd'],
    digests: [
      'commit 9c5547b0aa is gone',
      `commit ${'d4434cc9'.repeat(5)} is gone`,
      'commit DEADBEEF is gone',
      'commit 0x7ffe12ab90 is gone',
    ],
    addresses: ['connect ECONNREFUSED 10.0.0.123:443', 'connect ECONNREFUSED 127.0.0.1:8080'],
    'generated names': ['pod reviewer-7d4b9c6f5-x2k9p died', 'pod reviewer-5f6d8b7c9-z8w4q died'],
  };
  for (const [what, [first, ...others]] of Object.entries(alike))
    test(what, () => {
      for (const other of others) assert.equal(of(other), of(first), `${other} | ${first}`);
    });
});

suite('errors of different causes have different fingerprints:', () => {
  const different: Readonly<Record<string, readonly [string, string]>> = {
    'another output': ['output a answered 404', 'output b answered 404'],
    'another output by number': ['output sink1 answered 404', 'output sink2 answered 404'],
    'another status': ['output a answered 404', 'output a answered 422'],
    'another status at the end of a sentence': ['it answered 500.', 'it answered 503.'],
    'another word between two apostrophes': ["output a's url isn't allowed", "output a's body isn't allowed"],
    'another host': ['host a.example is not among allowedHosts', 'host b.example is not among allowedHosts'],
    'another field': ['undefined variable event.data.title', 'undefined variable event.data.body'],
  };
  for (const [what, [left, right]] of Object.entries(different)) test(what, () => assert.notEqual(of(left), of(right)));

  test('another reason', () => assert.notEqual(fingerprintOf('Refused', 'no'), fingerprintOf('OutputRejected', 'no')));
});
