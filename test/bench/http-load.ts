import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What the load generator is to send, and for how long. */
export interface Load {
  readonly port: number;
  /** Path, headers and body; `{id}` in a header becomes the request's own id, of `ID_LENGTH` characters. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBase64: string;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Begins every id: no two requests of a run may have the same one. */
  readonly idPrefix: string;
}

/** What came of it. Requests of the warm-up count in `sent` alone. */
export interface LoadResult {
  readonly sent: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Characters of a request's id, as many as a UUID has. */
const ID_LENGTH = 36;

/** Sends one request after the other on each of several connections. Rejects at the first answer that is not 202. */
export async function generateLoad(load: Load): Promise<LoadResult> {
  const startedAt = performance.now();
  const measuredFrom = startedAt + load.warmUpMs;
  const measuredTo = measuredFrom + load.measureMs;
  const latencies: number[] = [];
  let sent = 0;
  const nextId = () => {
    sent += 1;
    return `${load.idPrefix}${String(sent).padStart(ID_LENGTH - load.idPrefix.length, '0')}`;
  };
  const onAnswer = (sentAt: number, answeredAt: number) => {
    if (sentAt >= measuredFrom && answeredAt <= measuredTo) latencies.push(answeredAt - sentAt);
  };
  const isOver = () => performance.now() >= measuredTo;
  await Promise.all(Array.from({ length: load.connections }, () => sendOneByOne(load, nextId, onAnswer, isOver)));
  const ordered = Float64Array.from(latencies).sort();
  return {
    sent,
    requestsPerSecond: ordered.length / (load.measureMs / 1000),
    p50Ms: ordered[Math.floor(ordered.length * 0.5)] ?? Number.NaN,
    p99Ms: ordered[Math.floor(ordered.length * 0.99)] ?? Number.NaN,
  };
}

async function sendOneByOne(
  load: Load,
  nextId: () => string,
  onAnswer: (sentAt: number, answeredAt: number) => void,
  isOver: () => boolean,
): Promise<void> {
  const { request, idAt } = requestOf(load);
  const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  // Its close, which follows, is what ends the wait for an answer.
  socket.on('error', () => {});
  try {
    while (!isOver()) {
      request.write(nextId(), idAt, 'latin1');
      const sentAt = performance.now();
      socket.write(request);
      const status = await answerOn(socket);
      if (status !== 202) throw new Error(`a request of the benchmark was answered ${status}`);
      onAnswer(sentAt, performance.now());
    }
  } finally {
    socket.destroy();
  }
}

/** The bytes of a request, in which only the id has to be written anew. */
function requestOf(load: Load): { readonly request: Buffer; readonly idAt: number } {
  const body = Buffer.from(load.bodyBase64, 'base64');
  const headers = { host: `127.0.0.1:${load.port}`, 'content-length': String(body.length), ...load.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value.replace('{id}', '0'.repeat(ID_LENGTH))}\r\n`);
  const head = `POST ${load.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  const idAt = head.indexOf('0'.repeat(ID_LENGTH));
  if (idAt < 0) throw new Error('no header holds {id}');
  return { request: Buffer.concat([Buffer.from(head, 'latin1'), body]), idAt };
}

/** Reads one answer with a content length, and gives its status. */
function answerOn(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (settle: () => void) => {
      socket.off('data', onData).off('close', onClose);
      settle();
    };
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
      if (text.length >= end + 4 + length) finish(() => resolve(Number(text.slice(9, 12))));
    };
    const onClose = () => finish(() => reject(new Error('the connection was closed in mid-answer')));
    socket.on('data', onData).on('close', onClose);
  });
}
