import type { IncomingHttpHeaders } from 'node:http';
import { MAX_ATTRIBUTE_BYTES } from '../../api/event.ts';
import { isJsonObject } from '../../lib/json-object.ts';
import { mediaType, parseObject, type Reading, refused } from './reading.ts';

/** GitHub names its events in lower case with underscores: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
const EVENT_NAME = /^[a-z][a-z0-9_]{0,99}$/;

/** A GUID today; wider, so that no version of GitHub Enterprise Server is refused. */
const DELIVERY_ID = /^[0-9A-Za-z._:-]{1,128}$/;

/** The characters of a URI (RFC 3986): what may stand in a message header and in a log. */
const HTTP_URL = /^https?:\/\/[\w.~:/?#[\]@!$&'()*+,;=%-]+$/;

const GITHUB = 'https://github.com';

/**
 * Reads a delivery of GitHub: type `github.<event>`, id = the delivery's, which a redelivery keeps; source = the repository's URL, so that
 * the idempotency key (source and id) rests on the signed body, too.
 */
export function readGitHub(headers: IncomingHttpHeaders, body: Buffer): Reading {
  const name = headers['x-github-event'];
  if (typeof name !== 'string' || !EVENT_NAME.test(name))
    return refused('bad_event', 'the header X-GitHub-Event must hold the name of one event, e.g. pull_request');
  const id = headers['x-github-delivery'];
  if (typeof id !== 'string' || !DELIVERY_ID.test(id))
    return refused(
      'bad_event',
      'the header X-GitHub-Delivery must hold the id of one delivery: 1 to 128 letters, digits, ".", "_", ":" or "-"',
    );
  if (mediaType(headers['content-type']) !== 'application/json')
    return refused('content_type', 'set the content type of the webhook to application/json in its settings on GitHub');
  const payload = parseObject(body);
  if (payload === undefined) return refused('not_json', 'the body is not a JSON object in UTF-8');
  if (name === 'ping') return { kind: 'handshake' };
  return {
    kind: 'event',
    event: { id, source: sourceOf(payload), type: `github.${name}`, extensions: {}, hop: 0 },
    contentType: 'application/json',
  };
}

/** Where the event happened: the repository, else the organization, the enterprise or the account of the installation, else GitHub as a whole. */
function sourceOf(payload: Readonly<Record<string, unknown>>): string {
  const repository = urlOf(payload.repository);
  if (repository !== undefined) return repository;
  const login = isJsonObject(payload.organization) ? payload.organization.login : undefined;
  const organization = typeof login === 'string' ? usable(`${serverOf(payload)}/${login}`) : undefined;
  const account = isJsonObject(payload.installation) ? payload.installation.account : undefined;
  return organization ?? urlOf(payload.enterprise) ?? urlOf(account) ?? serverOf(payload);
}

/** The server, read from whoever caused the event: GitHub Enterprise Server has a host of its own, and an organization carries no URL of its page. */
function serverOf(payload: Readonly<Record<string, unknown>>): string {
  const sender = urlOf(payload.sender);
  return sender !== undefined && URL.canParse(sender) ? new URL(sender).origin : GITHUB;
}

function urlOf(holder: unknown): string | undefined {
  return isJsonObject(holder) && typeof holder.html_url === 'string' ? usable(holder.html_url) : undefined;
}

function usable(url: string): string | undefined {
  return url.length <= MAX_ATTRIBUTE_BYTES && HTTP_URL.test(url) ? url : undefined;
}
