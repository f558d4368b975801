import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { mountSecret } from '../../test/support/mounted-secret.ts';
import { mountedSecrets } from './mounted-secrets.ts';

const root = mkdtempSync(join(tmpdir(), 'eventagent-secrets-'));
after(() => rmSync(root, { recursive: true }));

let folders = 0;
/** A folder of mounted Secrets, read by a clock of our own. */
function mounts() {
  folders += 1;
  const folder = join(root, String(folders));
  const clock = createManualClock();
  const secrets = mountedSecrets(folder, clock);
  return {
    folder,
    clock,
    read: (name: string, key: string) => secrets({ name, key }),
    mount: (name: string, values: Readonly<Record<string, string>>) => mountSecret(join(folder, name), values),
  };
}

describe('Secrets that the kubelet mounts', () => {
  it('are read as they are, by name and key', () => {
    const { mount, read } = mounts();
    mount('webhook', { secret: ' päss\n', 'tls.crt': '' });
    mount('a.b-c', { secret: 'other' });
    assert.deepEqual([read('webhook', 'secret'), read('webhook', 'tls.crt'), read('a.b-c', 'secret')], [' päss\n', '', 'other']);
  });

  it('cannot be read where there is no Secret, no key, a folder, or something that is no text', () => {
    const { mount, read, folder } = mounts();
    const { folder: own } = mount('webhook', { secret: 'x' });
    writeFileSync(join(own, 'binary'), Buffer.from([0xff, 0xfe]));
    assert.equal(read('nothing', 'secret'), undefined);
    assert.equal(read('webhook', 'nothing'), undefined);
    assert.equal(read('webhook', 'binary'), undefined);
    assert.equal(mountedSecrets(join(folder, 'webhook'), createManualClock())({ name: 'secret', key: 'x' }), undefined);
  });

  it('are found in their own folder alone', () => {
    const { mount, read } = mounts();
    mount('webhook', { secret: 'x' });
    for (const [name, key] of [
      ['webhook', '..data'],
      ['webhook', '..'],
      ['..', 'webhook'],
      ['.', 'webhook'],
      ['webhook', '.'],
      ['webhook/..data', 'secret'],
      ['webhook', '../webhook/secret'],
      ['', 'secret'],
    ] as const)
      assert.equal(read(name, key), undefined, `${name} ${key}`);
  });

  it('are seen a second after they were swapped, and until then no file is read', () => {
    const { mount, read, clock } = mounts();
    const secret = mount('webhook', { secret: 'old' });
    assert.equal(read('webhook', 'secret'), 'old');
    secret.swap({ secret: 'new' });
    clock.advance(999);
    assert.equal(read('webhook', 'secret'), 'old');
    clock.advance(1);
    assert.equal(read('webhook', 'secret'), 'new');
    secret.swap({});
    clock.advance(1000);
    assert.equal(read('webhook', 'secret'), undefined);
    secret.swap({ secret: 'back' });
    assert.equal(read('webhook', 'secret'), undefined, 'that it is missing is known for a second, too');
    clock.advance(1000);
    assert.equal(read('webhook', 'secret'), 'back');
  });

  it('that were not mounted at the start are found later', () => {
    const { mount, read, clock } = mounts();
    assert.equal(read('late', 'secret'), undefined);
    mount('late', { secret: 'here' });
    clock.advance(1000);
    assert.equal(read('late', 'secret'), 'here');
  });
});
