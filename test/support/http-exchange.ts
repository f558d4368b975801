import { type Agent, type OutgoingHttpHeaders, request } from 'node:http';

/** One request; a header given as a list is sent that many times. */
export interface HttpRequest {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Several pieces are written one by one. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
  readonly agent?: Agent;
}

/** Its answer. */
export interface HttpAnswer {
  readonly code: number;
  readonly headers: Readonly<NodeJS.Dict<string | string[]>>;
  readonly text: string;
}

/** Sends a request over a socket of its own (or the agent's) and reads the answer in full, also where the server stops reading. */
export function exchange(url: string, { method = 'POST', headers = {}, body, agent }: HttpRequest = {}): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: agent ?? false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () =>
        resolve({ code: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }),
      );
      response.once('error', reject);
    });
    outgoing.once('error', reject);
    if (Array.isArray(body)) {
      for (const piece of body) outgoing.write(piece);
      outgoing.end();
    } else {
      outgoing.end(body);
    }
  });
}
