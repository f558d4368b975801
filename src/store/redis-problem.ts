import { connectFailure } from '../lib/tls-trust.ts';

/** The first byte of an alert, which is all that a server that speaks TLS alone has to say to one that does not. RFC 8446 section 5.1. */
const TLS_ALERT = 21;

/** What keeps a connection to a Redis from being made, in one line. `ca`: whether a CA was given for it. */
export function redisProblem(error: unknown, ca: boolean): string {
  const message = connectFailure(error, ca);
  const [, type] = /^Unknown RESP type (\d+)/.exec(message) ?? [];
  if (Number(type) === TLS_ALERT) return 'it speaks TLS alone; write rediss:// instead of redis://';
  if (type !== undefined || message.startsWith('Protocol error')) return 'what answers there is not Redis; correct the address';
  if (message.startsWith('Socket timeout')) return 'it takes connections and says nothing';
  // Some of its answers are whole paragraphs of advice to whoever runs the server.
  return message.replace(/\.(\s[\s\S]*)?$/, '').replaceAll(/\s+/g, ' ');
}
