import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { type RabbitServer, startRabbitMq } from '../parts/rabbitmq.ts';
import { type RedisServer, startRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { startClaudeStub } from '../support/claude-stub.ts';
import { settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import { startHttpSink } from '../support/http-sink.ts';
import { loopbackCertificate, strangerCertificate } from '../support/loopback-certificate.ts';
import { declare, reviewerInPods } from '../support/pod-content.ts';
import { type PodFiles, podFiles, startPodProcess } from '../support/pod-process.ts';

/** A broker and a store that speak TLS, by a certificate that is its own CA and is for 127.0.0.1 and localhost. */
interface SecureParts {
  readonly rabbit: RabbitServer;
  readonly redis: RedisServer;
}

let parts: Promise<SecureParts> | undefined;

async function startSecureParts(): Promise<SecureParts> {
  const [rabbit, redis] = await Promise.all([startRabbitMq('4.3', { tls: loopbackCertificate }), startRedis({ tls: loopbackCertificate })]);
  return { rabbit, redis };
}

function secureParts(t: TestContext): Promise<SecureParts | undefined> {
  parts ??= startSecureParts();
  return partOrSkip(t, () => parts ?? startSecureParts());
}

after(async () => {
  const started = await parts?.catch(() => undefined);
  await started?.rabbit.stop();
  await started?.redis.stop();
});

const nowhere = reviewerInPods({ claudeUrl: 'http://127.0.0.1:1', sinkUrl: 'http://127.0.0.1:1' });
const ca = { 'ca.crt': loopbackCertificate.cert };
const strangers = { 'ca.crt': strangerCertificate };

/** The connection Secret with its keys one by one. */
function fieldsOf(url: string): Readonly<Record<string, string>> {
  const { hostname, port, username, password } = new URL(url);
  return { host: hostname, port, ...(username === '' ? {} : { username, password }) };
}

/** Starts a process that is not to connect; what its /readyz says about it. */
async function refusalOf(name: 'gateway' | 'runner', files: PodFiles, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  await using pod = await startPodProcess(name, files.environment(environment));
  const said = await eventually('it says why', async () => {
    const [code, text] = await pod.readyz();
    return code === 503 && /cert|TLS|packet|cannot be used/i.test(text) && text;
  });
  assert.equal(pod.hasEnded(), false, 'it goes on trying');
  assert.deepEqual(
    pod.lines().filter(({ msg }) => msg === 'ready'),
    [],
  );
  return said;
}

suite('TLS to the broker and the store', () => {
  test('with the right CA, by URL and key by key, an event goes through', async (t) => {
    const secure = await secureParts(t);
    if (secure === undefined) return;
    const { rabbit, redis } = secure;
    const [stub, sink] = [await startClaudeStub(), await startHttpSink()];
    try {
      const reviewer = reviewerInPods({ claudeUrl: stub.url, sinkUrl: sink.url });
      await declare({ managementUrl: rabbit.managementUrl, vhost: '/' }, reviewer.topology);
      const { secrets } = reviewer;
      const localhost = rabbit.amqpsUrl.replace('127.0.0.1', 'localhost');
      using gatewayFiles = podFiles({ configuration: reviewer.gateway, broker: { connection_string: `${localhost}/\n`, ...ca }, secrets });
      using runnerFiles = podFiles({
        configuration: reviewer.runner,
        broker: { ...fieldsOf(rabbit.amqpsUrl), ...ca },
        store: { ...fieldsOf(redis.tlsUrl), ...ca },
        secrets,
      });
      await using gateway = await startPodProcess('gateway', gatewayFiles.environment());
      await using runner = await startPodProcess('runner', runnerFiles.environment());
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
      assert.equal((await settled(runner, 'event-1')).outcome, 'done');
      assert.match(await rabbit.ctl('list_connections', 'ssl', 'client_properties'), /true.*eventagent runner test\.reviewer/);
    } finally {
      await stub.close();
      await sink.close();
    }
  });

  test("without a CA, by one that the system trusts; a store's by its URL", async (t) => {
    const secure = await secureParts(t);
    if (secure === undefined) return;
    const { rabbit, redis } = secure;
    using files = podFiles({
      configuration: nowhere.runner,
      broker: { connection_string: rabbit.amqpsUrl },
      store: { connection_string: redis.tlsUrl },
    });
    const bundle = join(files.broker.folder, '../system.pem');
    await writeFile(bundle, loopbackCertificate.cert);
    await using runner = await startPodProcess('runner', files.environment({ SSL_CERT_FILE: bundle }));
    await runner.untilReady();
  });

  for (const { what, change, said } of [
    {
      what: 'by a CA of somebody else',
      change: strangers,
      said: /its certificate is not signed by the CA that was given for it \(self-signed certificate\)/,
    },
    {
      what: 'by no CA at all',
      change: {},
      said: /its certificate is signed by no CA that this system trusts, and none was given \(self-signed certificate\)/,
    },
  ]) {
    test(`the broker, checked ${what}, is refused`, async (t) => {
      const secure = await secureParts(t);
      if (secure === undefined) return;
      using files = podFiles({ configuration: nowhere.gateway, broker: { connection_string: secure.rabbit.amqpsUrl, ...change } });
      const text = await refusalOf('gateway', files);
      assert.match(text, said);
      assert.match(text, /^there is no connection to the broker: no connection to RabbitMQ at 127\.0\.0\.1:\d+: /);
    });

    test(`the store, checked ${what}, is refused`, async (t) => {
      const secure = await secureParts(t);
      if (secure === undefined) return;
      const { rabbit, redis } = secure;
      using files = podFiles({
        configuration: nowhere.runner,
        broker: { connection_string: rabbit.amqpUrl },
        store: { connection_string: redis.tlsUrl, ...change },
      });
      const text = await refusalOf('runner', files);
      assert.match(text, said);
      assert.match(text, /^the store at 127\.0\.0\.1:\d+ cannot be used: /);
    });
  }

  test('a server under another name than its certificate is for is refused', async (t) => {
    const secure = await secureParts(t);
    if (secure === undefined) return;
    // Another way to write 127.0.0.1, which the certificate does not name.
    const elsewhere = secure.rabbit.amqpsUrl.replace('127.0.0.1', '127.1');
    using files = podFiles({ configuration: nowhere.gateway, broker: { connection_string: elsewhere, ...ca } });
    assert.match(await refusalOf('gateway', files), /its certificate is for another name \(.*127\.1.*\)/);
  });

  test('where no TLS is spoken, it is said so', async (t) => {
    const secure = await secureParts(t);
    if (secure === undefined) return;
    const { rabbit, redis } = secure;
    const plain = (url: string, scheme: string) => url.replace(/^\w+:/, `${scheme}:`);
    using files = podFiles({
      configuration: nowhere.runner,
      broker: { connection_string: plain(rabbit.amqpUrl, 'amqps'), ...ca },
      store: { connection_string: plain(redis.url, 'rediss'), ...ca },
    });
    assert.match(await refusalOf('runner', files), /no TLS can be spoken with it/);
  });
});
