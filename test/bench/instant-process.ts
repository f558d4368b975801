import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { messageDelta, messageStart, sse } from '../support/claude-wire.ts';
import { createGate } from '../support/gate.ts';
import { playRole } from './role.ts';

/** What the stub of a benchmark answers with. */
const TEXT = 'A small change with little risk.';

const message = {
  id: 'msg_bench',
  model: 'claude-sonnet-5-5',
  text: TEXT,
  stopReason: 'end_turn',
  usage: { input: 2_000, output: 10, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
  inputAtStart: 2_000,
};

/** The beginning of a stream, up to the first half of the text, and the rest of it: as the Messages API writes them. */
const beginning = Buffer.from(
  messageStart(message) +
    sse({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: null } }) +
    sse({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: TEXT.slice(0, 16) } }),
);
const rest = Buffer.from(
  sse({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: TEXT.slice(16) } }) +
    sse({ type: 'content_block_stop', index: 0 }) +
    messageDelta(message) +
    sse({ type: 'message_stop' }),
);
const whole = Buffer.concat([beginning, rest]);
const STREAM = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'request-id': 'req_bench' };

/**
 * A model provider that answers at once, and a sink that takes everything at once, on one port: everything but the model's path is the sink.
 * Asked to hold, it stops each answer in the middle of its text until it is asked to release them; it can be asked to take a while for each.
 */
await playRole(async () => {
  let gate = createGate();
  gate.open();
  let isHolding = false;
  let held = 0;
  let answerMs = 0;

  async function answerModel(response: ServerResponse): Promise<void> {
    if (answerMs > 0) await delay(answerMs);
    response.writeHead(200, STREAM);
    if (!isHolding) {
      response.end(whole);
      return;
    }
    held += 1;
    response.write(beginning);
    await gate.opened;
    held -= 1;
    response.end(rest);
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume().once('end', () => {
      if (request.url === '/v1/messages') void answerModel(response);
      else response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 }).end('{}');
    });
  });
  // An idle connection that the server closes looks like a cut one to the client that picks it in that moment.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ready: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    commands: {
      hold: async () => {
        gate = createGate();
        isHolding = true;
      },
      release: async () => {
        isHolding = false;
        gate.open();
      },
      held: async () => held,
      take: async (milliseconds) => {
        answerMs = milliseconds as number;
      },
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
});
