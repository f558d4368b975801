import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { sign, verify } from '@octokit/webhooks-methods';
import fc from 'fast-check';
import type { Secrets, Verification } from '../../api/configuration.ts';
import { githubSignature } from './github.ts';
import { beginVerification } from './verify.ts';

const values: Readonly<Record<string, string>> = {
  new: 'the new secret',
  old: 'the old secret',
  empty: '',
  unicode: 'pässwörd ✓',
  ended: 'the new secret\n',
  windows: 'the new secret\r\n',
  twice: 'the new secret\n\n',
  blank: 'the new secret ',
  break: '\n',
  oneline: 'token\n',
};
const secrets: Secrets = ({ key }) => values[key];
const refs = (...keys: readonly string[]) => keys.map((key) => ({ name: 'hook', key }));

const body = Buffer.from('{"action":"opened","title":"ünïcode"}');
const hexOf = (secret: string, signed: Buffer = body) => createHmac('sha256', secret).update(signed).digest('hex');

/** The verdict over a body that arrives in two pieces. */
function verdict(verification: Verification, headers: readonly string[], sent: Buffer = body): string {
  const verifier = beginVerification(verification, headers, secrets);
  if (typeof verifier === 'string') return verifier;
  verifier.update(sent.subarray(0, 7));
  verifier.update(sent.subarray(7));
  return verifier.matches() ? 'trusted' : 'signature_mismatch';
}

const github = (...keys: readonly string[]): Verification => ({ scheme: 'GitHub', secretKeyRefs: refs(...keys) });
const hmac = (...keys: readonly string[]): Verification => ({ scheme: 'HMAC', header: 'X-Signature', secretKeyRefs: refs(...keys) });
const bearer = (...keys: readonly string[]): Verification => ({ scheme: 'Bearer', secretKeyRefs: refs(...keys) });

const GOOD = `sha256=${hexOf('the new secret')}`;
const cases: readonly [string, Verification, readonly string[], string][] = [
  ['GitHub: a right signature', github('new'), ['X-Hub-Signature-256', GOOD], 'trusted'],
  ['GitHub: the header in another case', github('new'), ['x-HUB-signature-256', GOOD], 'trusted'],
  ['GitHub: the second of two secrets, as while rotating', github('old', 'new'), ['X-Hub-Signature-256', GOOD], 'trusted'],
  ['GitHub: an unreadable secret beside a readable one', github('gone', 'new'), ['X-Hub-Signature-256', GOOD], 'trusted'],
  ['GitHub: a secret with a line break at its end', github('ended'), ['X-Hub-Signature-256', GOOD], 'trusted'],
  ['GitHub: a secret with a line break of Windows at its end', github('windows'), ['X-Hub-Signature-256', GOOD], 'trusted'],
  ['GitHub: one line break is left out, and not two', github('twice'), ['X-Hub-Signature-256', GOOD], 'signature_mismatch'],
  [
    'GitHub: two line breaks of which one belongs to it',
    github('twice'),
    ['X-Hub-Signature-256', `sha256=${hexOf('the new secret\n')}`],
    'trusted',
  ],
  ['GitHub: a blank at the end belongs to it', github('blank'), ['X-Hub-Signature-256', GOOD], 'signature_mismatch'],
  ['GitHub: a line break alone opens nothing', github('break'), ['X-Hub-Signature-256', `sha256=${hexOf('')}`], 'secret_unreadable'],
  ['HMAC: a secret with a line break at its end', hmac('ended'), ['X-Signature', hexOf('the new secret')], 'trusted'],
  ['Bearer: a secret with a line break at its end', bearer('oneline'), ['Authorization', 'Bearer token'], 'trusted'],
  ['GitHub: another secret', github('old'), ['X-Hub-Signature-256', GOOD], 'signature_mismatch'],
  ['GitHub: no signature', github('new'), ['Content-Type', 'application/json'], 'signature_missing'],
  ['GitHub: an empty signature', github('new'), ['X-Hub-Signature-256', ''], 'signature_missing'],
  ['GitHub: only the old SHA-1 header', github('new'), ['X-Hub-Signature', GOOD], 'signature_missing'],
  [
    'GitHub: the right signature after a wrong one',
    github('new'),
    ['X-Hub-Signature-256', `sha256=${'0'.repeat(64)}`, 'X-Hub-Signature-256', GOOD],
    'signature_duplicate',
  ],
  ['GitHub: the right signature twice', github('new'), ['X-Hub-Signature-256', GOOD, 'x-hub-signature-256', GOOD], 'signature_duplicate'],
  ['GitHub: a header value that looks like the name', github('new'), ['X-Other', 'x-hub-signature-256'], 'signature_missing'],
  ['GitHub: without sha256=', github('new'), ['X-Hub-Signature-256', hexOf('the new secret')], 'signature_malformed'],
  ['GitHub: one digit short', github('new'), ['X-Hub-Signature-256', GOOD.slice(0, -1)], 'signature_malformed'],
  ['GitHub: one digit long', github('new'), ['X-Hub-Signature-256', `${GOOD}0`], 'signature_malformed'],
  [
    'GitHub: upper case, which GitHub never sends',
    github('new'),
    ['X-Hub-Signature-256', `sha256=${hexOf('the new secret').toUpperCase()}`],
    'signature_malformed',
  ],
  ['GitHub: no secret can be read', github('gone'), ['X-Hub-Signature-256', GOOD], 'secret_unreadable'],
  ['GitHub: an empty secret opens nothing', github('empty'), ['X-Hub-Signature-256', `sha256=${hexOf('')}`], 'secret_unreadable'],
  [
    'GitHub: an empty secret beside a readable one opens nothing',
    github('empty', 'new'),
    ['X-Hub-Signature-256', `sha256=${hexOf('')}`],
    'signature_mismatch',
  ],
  ['GitHub: no secret is named', github(), ['X-Hub-Signature-256', GOOD], 'secret_unreadable'],
  ['GitHub: a secret beyond ASCII', github('unicode'), ['X-Hub-Signature-256', `sha256=${hexOf('pässwörd ✓')}`], 'trusted'],
  ['HMAC: hex', hmac('new'), ['x-signature', hexOf('the new secret')], 'trusted'],
  ['HMAC: sha256= and hex', hmac('new'), ['X-SIGNATURE', GOOD], 'trusted'],
  ['HMAC: hex in upper case', hmac('new'), ['X-Signature', hexOf('the new secret').toUpperCase()], 'trusted'],
  ['HMAC: another secret', hmac('old'), ['X-Signature', GOOD], 'signature_mismatch'],
  ['HMAC: no header', hmac('new'), ['X-Hub-Signature-256', GOOD], 'signature_missing'],
  ['HMAC: twice', hmac('new'), ['X-Signature', GOOD, 'X-Signature', GOOD], 'signature_duplicate'],
  ['HMAC: base64', hmac('new'), ['X-Signature', Buffer.from(hexOf('the new secret'), 'hex').toString('base64')], 'signature_malformed'],
  ['HMAC: no secret can be read', hmac('gone', 'empty'), ['X-Signature', GOOD], 'secret_unreadable'],
  ['None: anybody', { scheme: 'None' }, [], 'trusted'],
];

for (const [name, verification, headers, expected] of cases) {
  test(name, () => assert.equal(verdict(verification, headers), expected));
}

test('Bearer tokens are compared as a whole, in any case of the scheme, and in bytes', () => {
  const token = 'abc.DEF-123';
  const answer = (headers: readonly string[], ...known: readonly string[]) => {
    const verifier = beginVerification(bearer(...known.map((_, index) => String(index))), headers, ({ key }) => known[Number(key)]);
    return typeof verifier === 'string' ? verifier : verifier.matches();
  };
  assert.equal(answer(['Authorization', `Bearer ${token}`], token), true);
  assert.equal(answer(['authorization', `bearer ${token}`], 'another', token), true);
  assert.equal(answer(['Authorization', `Bearer ${token}`], 'another'), 'signature_mismatch');
  assert.equal(answer(['Authorization', `Bearer ${token.slice(0, -1)}`], token), 'signature_mismatch');
  assert.equal(answer(['Authorization', `Bearer ${token}x`], token), 'signature_mismatch');
  assert.equal(answer(['Authorization', token], token), 'signature_malformed');
  assert.equal(answer(['Authorization', 'Bearer '], ''), 'secret_unreadable');
  assert.equal(answer(['Authorization', 'Bearer '], token), 'signature_malformed');
  assert.equal(answer(['Authorization', `Bearer ${token}`, 'Authorization', 'Bearer x'], token), 'signature_duplicate');
  assert.equal(answer([], token), 'signature_missing');
  assert.equal(answer(['Authorization', `Bearer ${Buffer.from('tökén').toString('latin1')}`], 'tökén'), true);
});

test('what @octokit/webhooks-methods signs is accepted, and what is signed here it accepts', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).filter((value) => value.isWellFormed());
  const secrets = text.filter((secret) => !secret.endsWith('\n'));
  await fc.assert(
    fc.asyncProperty(secrets, text, async (secret, payload) => {
      const verification = github('any');
      const verifier = beginVerification(verification, ['X-Hub-Signature-256', await sign(secret, payload)], () => secret);
      assert.ok(typeof verifier === 'object');
      verifier.update(Buffer.from(payload));
      assert.equal(verifier.matches(), true);
      assert.equal(await verify(secret, payload, githubSignature(secret, payload)), true);
    }),
    { numRuns: 200 },
  );
});

test('any flipped bit of body or signature is refused, as @octokit/webhooks-methods refuses it', async () => {
  const bit = fc.record({ at: fc.nat(), bit: fc.integer({ min: 0, max: 6 }) });
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), bit, fc.boolean(), async (payload, { at, bit }, inBody) => {
      const secret = 'the new secret';
      const flip = (text: string) => {
        const bytes = Buffer.from(text, 'latin1');
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        return bytes.toString('latin1');
      };
      const signature = githubSignature(secret, payload);
      const sent = inBody ? { body: flip(payload), signature } : { body: payload, signature: flip(signature) };
      assert.notEqual(verdict(github('new'), ['X-Hub-Signature-256', sent.signature], Buffer.from(sent.body)), 'trusted');
      assert.equal(await verify(secret, sent.body, sent.signature), false);
    }),
    { numRuns: 300 },
  );
});
