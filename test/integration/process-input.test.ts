import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { suite, test } from 'node:test';
import { loopbackCertificate } from '../support/loopback-certificate.ts';
import { reviewerInPods } from '../support/pod-content.ts';
import { type PodContent, podFiles, runPodProcess } from '../support/pod-process.ts';

/** Nobody listens there: reserved, and closed on every machine. */
const NOBODY = 'amqp://user:hunter2@127.0.0.1:1/v';

const reviewer = reviewerInPods({ claudeUrl: 'http://127.0.0.1:1', sinkUrl: 'http://127.0.0.1:1' });

/** Something that is wrong with what a process is given, and how it says so. */
interface Case {
  readonly what: string;
  readonly process: 'gateway' | 'runner';
  readonly content?: Partial<PodContent>;
  readonly environment?: NodeJS.ProcessEnv;
  readonly missing?: 'broker' | 'store';
  readonly said: RegExp;
}

const good = { broker: { connection_string: NOBODY }, store: { connection_string: 'redis://:hunter2@127.0.0.1:1/0' } };

const cases: readonly Case[] = [
  {
    what: 'a variable is missing',
    process: 'gateway',
    environment: { EVENTAGENT_SECRETS_DIR: '' },
    said: /the environment variable EVENTAGENT_SECRETS_DIR is not set: it must be an absolute path/,
  },
  {
    what: 'a port is none',
    process: 'gateway',
    environment: { EVENTAGENT_PORT: '80O0' },
    said: /the environment variable EVENTAGENT_PORT is "80O0": it must be a port from 0 to 65535/,
  },
  {
    what: 'the store is not named',
    process: 'runner',
    environment: { EVENTAGENT_STORE_DIR: '' },
    said: /the environment variable EVENTAGENT_STORE_DIR is not set/,
  },
  {
    what: 'the configuration is not there',
    process: 'runner',
    environment: { EVENTAGENT_CONFIGURATION: '/nowhere/configuration.json' },
    said: /the configuration file cannot be read: ENOENT.*'\/nowhere\/configuration\.json'/,
  },
  {
    what: 'the configuration is no JSON',
    process: 'gateway',
    content: { configuration: '{"namespace": "hunter2"' },
    said: /configuration\.json: not JSON/,
  },
  {
    what: "the gateway is given a runner's configuration",
    process: 'gateway',
    content: { configuration: reviewer.runner },
    said: /configuration\.json: agent: a field that this version does not know/,
  },
  {
    what: 'a field is of another kind',
    process: 'runner',
    content: { configuration: { ...reviewer.runner, delivery: { ...reviewer.runner.delivery, concurrency: '4' } } },
    said: /configuration\.json: delivery\.concurrency: must be a whole number from 1/,
  },
  {
    what: 'a template does not parse',
    process: 'runner',
    content: { configuration: { ...reviewer.runner, model: { ...reviewer.runner.model, prompt: '{{ event.id' } } },
    said: /configuration\.json: .*event\.id.*not closed/,
  },
  {
    what: 'two webhooks have one path',
    process: 'gateway',
    content: {
      configuration: { ...reviewer.gateway, routes: reviewer.gateway.routes.flatMap((route) => [route, { ...route, trigger: 'twin' }]) },
    },
    said: /test\/reviewer\/github and test\/reviewer\/twin have the same path \/reviewer\/github/,
  },
  {
    what: "the broker's connection Secret is not mounted",
    process: 'gateway',
    missing: 'broker',
    said: /the connection Secret of the broker cannot be read \(ENOENT.*\/broker'\): create the Secret, or correct the path/,
  },
  {
    what: "the broker's connection Secret lacks keys",
    process: 'runner',
    content: { broker: { host: 'rabbit', username: 'hunter2' } },
    said: /broker at \S+\/broker: it needs connection_string, or host, port, username, password: there is no port, no password/,
  },
  {
    what: 'the connection string is no URL',
    process: 'gateway',
    content: { broker: { connection_string: 'amqp://user:hunter2/@rabbit' } },
    said: /broker at \S+\/broker: connection_string: not a URL of the form amqp:\/\/user:password@host:5672\/vhost/,
  },
  {
    what: "the store's connection string names another kind of server",
    process: 'runner',
    content: { store: { connection_string: 'http://user:hunter2@redis' } },
    said: /store at \S+\/store: connection_string: not a URL of the form redis:\/\/user:password@host:6379\/0/,
  },
  {
    what: "the store's database is no number",
    process: 'runner',
    content: { store: { connection_string: 'redis://user:hunter2@redis/hunter2' } },
    said: /store at \S+\/store: the path of connection_string is the number of a database, e\.g\. \/0/,
  },
  {
    what: 'the CA is no certificate',
    process: 'gateway',
    content: { broker: { connection_string: 'amqps://u:hunter2@rabbit', 'ca.crt': 'hunter2' } },
    said: /broker at \S+\/broker: ca\.crt holds no certificate in PEM/,
  },
  {
    what: 'there is a CA, and no TLS to use it for',
    process: 'gateway',
    content: { broker: { connection_string: 'amqp://u:hunter2@rabbit', 'ca.crt': loopbackCertificate.cert } },
    said: /it has a ca\.crt, but connection_string asks for no TLS: write amqps:\/\/ there, or remove ca\.crt/,
  },
];

suite('a process that is given something wrong says what in one line, and ends with exit code 2', { concurrency: 2 }, () => {
  for (const { what, process, content, environment, missing, said } of cases)
    test(`${process}: ${what}`, async () => {
      using files = podFiles({ configuration: reviewer[process], ...good, ...content });
      if (missing !== undefined) rmSync(files[missing].folder, { recursive: true });
      const { code, stderr } = await runPodProcess(process, files.environment(environment));
      assert.match(stderr, said);
      assert.match(stderr, new RegExp(`^eventagent ${process}: [^\\n]+\\n$`), 'one line');
      assert.doesNotMatch(stderr, /hunter2/, 'nothing of a Secret');
      assert.equal(code, 2);
      assert.deepEqual(files.lastWords(), { reason: 'BadConfiguration', message: stderr.slice(`eventagent ${process}: `.length, -1) });
    });
});
