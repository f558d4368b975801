import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { loopbackCertificate } from '../../test/support/loopback-certificate.ts';
import { FetchFailed, httpFetch } from './http-fetch.ts';

const servers: net.Server[] = [];

after(() => {
  for (const server of servers) server.close();
});

async function listening(server: net.Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function failureOf(call: Promise<unknown>): Promise<FetchFailed> {
  const error = await call.then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FetchFailed, String(error));
  return error;
}

const post = (url: string, signal?: AbortSignal) => httpFetch(url, { method: 'POST', body: 'päyload', ...(signal ? { signal } : {}) });

describe('an answer', () => {
  test('has the status, every header and the body of what the server sent, and the server got the body whole', async () => {
    const port = await listening(
      http.createServer(async (message, response) => {
        const body = Buffer.concat(await message.toArray()).toString('utf8');
        response.writeHead(202, [
          ['x-two', 'a'],
          ['x-two', 'b'],
        ]);
        response.end(`${message.method} ${message.headers['content-length']} ${body}`);
      }),
    );
    const response = await post(`http://127.0.0.1:${port}/`);
    assert.deepEqual([response.status, response.headers.get('x-two'), await response.text()], [202, 'a, b', 'POST 8 päyload']);
  });

  test('of a megabyte arrives whole, and leaves the connection to the next request', async () => {
    let connections = 0;
    const server = http.createServer((message, response) => {
      message.resume();
      response.end(Buffer.alloc(1_000_000, 'x'));
    });
    server.on('connection', () => {
      connections += 1;
    });
    const port = await listening(server);
    for (let round = 0; round < 3; round += 1) assert.equal((await (await post(`http://127.0.0.1:${port}/`)).text()).length, 1_000_000);
    assert.equal(connections, 1);
  });

  test('that redirects is the answer itself', async () => {
    const seen: (string | undefined)[] = [];
    const port = await listening(
      http.createServer((message, response) => {
        seen.push(message.url);
        message.resume();
        response.writeHead(307, { location: '/elsewhere' }).end();
      }),
    );
    assert.equal((await post(`http://127.0.0.1:${port}/`)).status, 307);
    assert.deepEqual(seen, ['/']);
  });

  test('without a body has none', async () => {
    const port = await listening(http.createServer((_, response) => response.writeHead(204).end()));
    const response = await post(`http://127.0.0.1:${port}/`);
    assert.deepEqual([response.status, response.body], [204, null]);
  });

  test('whose body breaks fails the reader', async () => {
    const port = await listening(
      http.createServer((message, response) => {
        response.write('some', () => message.socket.resetAndDestroy());
      }),
    );
    const response = await post(`http://127.0.0.1:${port}/`);
    await assert.rejects(response.text());
  });

  test('that is not read to its end hangs up when it is cancelled', async () => {
    const hungUp = Promise.withResolvers<void>();
    const port = await listening(
      http.createServer((_, response) => {
        response.once('close', () => hungUp.resolve());
        response.write('for ever');
      }),
    );
    await (await post(`http://127.0.0.1:${port}/`)).body?.cancel();
    await hungUp.promise;
  });
});

describe('a request that gets no answer', () => {
  test('was never sent where nobody listens', async () => {
    const server = net.createServer();
    const port = await listening(server);
    server.close();
    await once(server, 'close');
    assert.equal((await failureOf(post(`http://127.0.0.1:${port}/`))).connected, false);
  });

  test('was never sent where the name is unknown', async () => {
    assert.equal((await failureOf(post('http://model.invalid/'))).connected, false);
  });

  test('was never sent where it was aborted first', async () => {
    assert.equal((await failureOf(post('http://127.0.0.1:3/', AbortSignal.abort()))).connected, false);
  });

  test('was never sent where the certificate is not trusted, and not a byte of it arrives', async () => {
    let requests = 0;
    const port = await listening(
      https.createServer(loopbackCertificate, () => {
        requests += 1;
      }),
    );
    const error = await failureOf(post(`https://127.0.0.1:${port}/`));
    assert.deepEqual([error.connected, requests], [false, 0]);
  });

  test('was never sent where the peer hangs up within the handshake', async () => {
    const port = await listening(net.createServer((socket) => socket.once('data', () => socket.destroy())));
    assert.equal((await failureOf(post(`https://127.0.0.1:${port}/`))).connected, false);
  });

  for (const [name, end] of [
    ['reset', (socket: net.Socket) => socket.resetAndDestroy()],
    ['closed', (socket: net.Socket) => socket.end()],
    ['answered with something that is not HTTP', (socket: net.Socket) => socket.end('hello\r\n\r\n')],
    ['answered with a status that does not exist', (socket: net.Socket) => socket.end('HTTP/1.1 999 Nine\r\n\r\n')],
  ] as const) {
    test(`may have arrived where the connection is ${name}`, async () => {
      const port = await listening(net.createServer((socket) => socket.once('data', () => end(socket))));
      assert.equal((await failureOf(post(`http://127.0.0.1:${port}/`))).connected, true);
    });
  }

  test('may have arrived where it was aborted while the server thought', async () => {
    const abort = new AbortController();
    const port = await listening(http.createServer(() => abort.abort()));
    assert.equal((await failureOf(post(`http://127.0.0.1:${port}/`, abort.signal))).connected, true);
  });

  test('may have arrived over TLS too, once the certificate is trusted', async () => {
    const trusted = tls.getCACertificates();
    tls.setDefaultCACertificates([...trusted, loopbackCertificate.cert]);
    try {
      const port = await listening(https.createServer(loopbackCertificate, (message) => message.socket.destroy()));
      assert.equal((await failureOf(post(`https://127.0.0.1:${port}/`))).connected, true);
    } finally {
      tls.setDefaultCACertificates(trusted);
    }
  });
});
