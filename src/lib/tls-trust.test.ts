import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loopbackCertificate } from '../../test/support/loopback-certificate.ts';
import { connectFailure, tlsTrust } from './tls-trust.ts';

const failed = (code: string, message = code) => Object.assign(new Error(message), { code });

describe('trust in a server', () => {
  it('is by the given CA alone, and names a host that is one', () => {
    const ca = loopbackCertificate.cert;
    assert.deepEqual(tlsTrust('rabbit.svc', ca), { ca, servername: 'rabbit.svc' });
    assert.deepEqual([tlsTrust('10.0.0.1', ca), tlsTrust('fd00::1', ca)], [{ ca }, { ca }]);
  });

  it('without one is by those that Node and the system trust, each once', () => {
    const { ca } = tlsTrust('rabbit.svc', undefined);
    assert.ok(Array.isArray(ca) && ca.length > 50 && new Set(ca).size === ca.length);
  });

  for (const [error, given, said] of [
    [
      failed('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed; if the root CA is installed locally, do'),
      true,
      'its certificate is not signed by the CA that was given for it (self-signed)',
    ],
    [
      failed('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'no'),
      false,
      'its certificate is signed by no CA that this system trusts, and none was given (no)',
    ],
    [failed('CERT_HAS_EXPIRED', 'expired'), true, 'its certificate is out of date (expired)'],
    [failed('ERR_TLS_CERT_ALTNAME_INVALID', 'not x'), true, 'its certificate is for another name (not x)'],
    [
      failed('EPROTO', 'write EPROTO C0FFEE:error:0A00010B:SSL routines::wrong version number'),
      false,
      'no TLS can be spoken with it (EPROTO)',
    ],
    [failed('ECONNREFUSED', 'connect ECONNREFUSED ::1:5671'), false, 'connect ECONNREFUSED ::1:5671'],
    [failed('ECONNREFUSED', ''), false, 'ECONNREFUSED'],
    ['thrown', false, 'thrown'],
  ] as const)
    it(`that cannot be had is told: ${said}`, () => assert.equal(connectFailure(error, given), said));
});
