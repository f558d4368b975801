import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loopbackCertificate, strangerCertificate } from '../../test/support/loopback-certificate.ts';
import { mountSecret } from '../../test/support/mounted-secret.ts';
import { readConnectionSecret, type ServerKind } from './connection-secret.ts';
import { InputError } from './errors.ts';

const broker: ServerKind = {
  what: 'the broker',
  scheme: 'amqp',
  tlsScheme: 'amqps',
  tlsPort: 5671,
  needsLogin: true,
  path: 'vhost',
  example: 'amqp://host',
};
const store: ServerKind = {
  what: 'the store',
  scheme: 'redis',
  tlsScheme: 'rediss',
  needsLogin: false,
  path: 'database',
  example: 'redis://host',
};

const root = mkdtempSync(join(tmpdir(), 'eventagent-connection-'));
after(() => rmSync(root, { recursive: true }));

let folders = 0;
function mounted(values: Readonly<Record<string, string>>) {
  folders += 1;
  return mountSecret(join(root, String(folders)), values);
}

const read = (kind: ServerKind, values: Readonly<Record<string, string>>) => readConnectionSecret(mounted(values).folder, kind);
const { cert } = loopbackCertificate;
const login = { host: 'rabbit.svc', port: '5672', username: 'user', password: 'pass' };

describe('a connection Secret', () => {
  it("of RabbitMQ's cluster operator is its connection string", () => {
    const written = {
      connection_string: 'amqp://default_user_x:y-Z_1@rabbit.rabbitmq.svc:5672/',
      'default_user.conf': 'default_user = default_user_x\ndefault_pass = y-Z_1\n',
      host: 'rabbit.rabbitmq.svc',
      password: 'y-Z_1',
      port: '5672',
      provider: 'rabbitmq',
      type: 'rabbitmq',
      username: 'default_user_x',
    };
    assert.deepEqual(read(broker, written), { url: written.connection_string });
  });

  for (const [what, kind, values, url] of [
    ['key by key', broker, login, 'amqp://user:pass@rabbit.svc:5672/'],
    [
      'with line breaks at the end of each value',
      broker,
      { host: 'h\n', port: '1\r\n', username: 'u\n', password: 'p\n\n', vhost: 'v\n' },
      'amqp://u:p@h:1/v',
    ],
    ['with a line break behind its connection string', broker, { connection_string: 'amqp://u:p@h/v\n' }, 'amqp://u:p@h/v'],
    [
      'with special characters',
      broker,
      { ...login, username: 'a/b@c', password: 'p:%#? ß', vhost: '/x y' },
      'amqp://a%2Fb%40c:p%3A%25%23%3F%20%C3%9F@rabbit.svc:5672/%2Fx%20y',
    ],
    [
      'with the virtual host beside a connection string without one',
      broker,
      { connection_string: 'amqp://u:p%2F@h:5672/', vhost: '/a b' },
      'amqp://u:p%2F@h:5672/%2Fa%20b',
    ],
    ['with the same virtual host twice', broker, { connection_string: 'amqp://u:p@h/%2Fv', vhost: '/v' }, 'amqp://u:p@h/%2Fv'],
    ['of an IPv6 address', broker, { ...login, host: 'fd00::1' }, 'amqp://user:pass@[fd00::1]:5672/'],
    ["with the broker's port for TLS", broker, { ...login, port: '5671' }, 'amqps://user:pass@rabbit.svc:5671/'],
    ['of a store without a login', store, { host: 'redis', port: '6379' }, 'redis://redis:6379/'],
    ['of a store with a password alone', store, { host: 'redis', port: '6379', password: 'p/w' }, 'redis://:p%2Fw@redis:6379/'],
    [
      'of a store with a user',
      store,
      { host: 'redis', port: '6379', username: 'u', password: 'p', vhost: 'nothing of its own' },
      'redis://u:p@redis:6379/',
    ],
    ['of a store with a database', store, { connection_string: 'rediss://:p@redis:6380/3' }, 'rediss://:p@redis:6380/3'],
  ] as const)
    it(`is read ${what}`, () => assert.deepEqual(read(kind, values), { url }));

  it('with a CA asks for TLS by it', () => {
    assert.deepEqual(read(broker, { ...login, 'ca.crt': cert }), { url: 'amqps://user:pass@rabbit.svc:5672/', ca: cert.trimEnd() });
    const bundle = `subject=a\n${cert}\n# another\n${strangerCertificate}`;
    assert.deepEqual(read(store, { host: 'redis', port: '6379', 'ca.crt': bundle }), { url: 'rediss://redis:6379/', ca: bundle.trimEnd() });
    assert.deepEqual(read(broker, { connection_string: 'amqps://h', 'ca.crt': cert }), { url: 'amqps://h', ca: cert.trimEnd() });
  });

  it('is read anew when it was swapped', () => {
    const secret = mounted(login);
    const before = readConnectionSecret(secret.folder, broker);
    secret.swap({ ...login, password: 'next' });
    assert.deepEqual(
      [before.url, readConnectionSecret(secret.folder, broker).url],
      ['amqp://user:pass@rabbit.svc:5672/', 'amqp://user:next@rabbit.svc:5672/'],
    );
  });

  for (const [what, kind, values, problem] of [
    [
      'is empty',
      broker,
      {},
      /it needs connection_string, or host, port, username, password: there is no host, no port, no username, no password$/,
    ],
    ['has an empty value', broker, { ...login, password: '\n' }, /there is no password$/],
    ['has no host', store, { port: '1' }, /it needs connection_string, or host, port: there is no host$/],
    ['has a host that is none', broker, { ...login, host: 'hunter2@h' }, /host is no host name and no IP address$/],
    ['has a port that is none', broker, { ...login, port: 'hunter2' }, /port is no number from 1 to 65535$/],
    ['has a port beyond the last', broker, { ...login, port: '65536' }, /port is no number from 1 to 65535$/],
    [
      'has a URL of another kind',
      broker,
      { connection_string: 'redis://hunter2@h' },
      /connection_string: not a URL of the form amqp:\/\/host$/,
    ],
    ['has a URL that is none', store, { connection_string: 'hunter2' }, /connection_string: not a URL of the form redis:\/\/host$/],
    [
      'has a % that begins no escape',
      broker,
      { connection_string: 'amqp://u:hunter2%@h' },
      /a % in the URL begins no escape: write a % of a user, password or name as %25$/,
    ],
    [
      'names two virtual hosts',
      broker,
      { connection_string: 'amqp://h/hunter2', vhost: 'other' },
      /connection_string and vhost name different virtual hosts: remove one of them$/,
    ],
    [
      'names a database that is no number',
      store,
      { connection_string: 'redis://h/hunter2' },
      /the path of connection_string is the number of a database, e\.g\. \/0$/,
    ],
    ['has a CA that is none', broker, { ...login, 'ca.crt': 'hunter2' }, /ca\.crt holds no certificate in PEM$/],
    [
      'has a CA that is damaged',
      broker,
      { ...login, 'ca.crt': cert.replace('MIIB', 'MIIC') },
      /ca\.crt holds something that is no certificate$/,
    ],
    [
      'has a CA and no TLS',
      broker,
      { connection_string: 'amqp://h', 'ca.crt': cert },
      /it has a ca\.crt, but connection_string asks for no TLS: write amqps:\/\/ there, or remove ca\.crt$/,
    ],
  ] as const)
    it(`that ${what} is refused, and no value is said`, () => {
      const { folder } = mounted(values);
      assert.throws(
        () => readConnectionSecret(folder, kind),
        (error) => {
          assert.ok(error instanceof InputError);
          assert.ok(error.message.startsWith(`the connection Secret of ${kind.what} at ${folder}: `), error.message);
          assert.match(error.message, problem);
          assert.doesNotMatch(error.message, /hunter2/);
          return true;
        },
      );
    });

  it('that is not mounted is refused', () => {
    const folder = join(root, 'nowhere');
    assert.throws(() => readConnectionSecret(folder, store), {
      code: 'FileUnreadable',
      message: /^the connection Secret of the store cannot be read \(ENOENT.*nowhere'\): create the Secret, or correct the path$/,
    });
  });
});
