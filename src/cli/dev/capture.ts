import type { Answer, OutgoingRequest, Send } from '../../runner/outputs/send.ts';

/** Shows what would be sent, sends nothing, and answers as a sink that takes it. Values of headers from Secrets are not shown. */
export function capturingSend(show: (captured: OutgoingRequest) => void): Send {
  return async (outgoing): Promise<Answer> => {
    await new Promise((resolve) => setImmediate(resolve));
    show(outgoing);
    return { kind: 'answered', status: 200, rateLimited: false };
  };
}
