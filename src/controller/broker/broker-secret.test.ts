import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountedAdmin } from './broker-secret.ts';

const cases: readonly [what: string, values: Readonly<Record<string, string>>, said: RegExp | undefined][] = [
  ['nothing in it', {}, /chart value brokers names it.*it is missing, or has no key management_url$/],
  ['an address without a scheme', { management_url: 'rabbit:15672' }, /management_url must be of the form http:\/\/host:15672$/],
  ['no password', { management_url: 'http://rabbit:15672', username: 'u' }, /needs username and password/],
  ['all in keys of their own', { management_url: 'http://rabbit:15672', username: 'u', password: 'p\n' }, undefined],
  ['all in the address', { management_url: 'http://u:p@rabbit:15672/' }, undefined],
];

for (const [what, values, said] of cases) {
  test(`a Secret for the management API with ${what}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'broker-secret-'));
    t.after(() => rm(folder, { recursive: true }));
    for (const [key, value] of Object.entries(values)) await writeFile(join(folder, key), value);
    const admin = mountedAdmin(folder);
    if (said === undefined) assert.equal(admin(), admin(), 'one client, as long as the Secret stays the same');
    else assert.throws(admin, said);
  });
}
