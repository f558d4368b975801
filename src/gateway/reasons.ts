/** One way in which a request can end. */
interface Ending {
  /** The HTTP status; 499 where there was nobody left to answer. */
  readonly code: 200 | 202 | 400 | 401 | 404 | 405 | 413 | 415 | 499 | 500 | 503;
  /** What the sender is told, where it is the same for every request; never says why a verification failed. */
  readonly error?: string;
  /** What the reference page says. */
  readonly help: string;
}

const UNAUTHORIZED = 'the request does not carry the proof that this webhook asks for';

/** Every value of the label `reason` of eventagent_gateway_requests_total. A closed set: each has one status code. */
export const reasons = {
  accepted: { code: 202, help: 'Every queue the event was routed to has stored it.' },
  unbound: { code: 202, help: 'A fan-out event of a type that no agent binds; nothing was published.' },
  handshake: { code: 200, help: "The provider's test of the webhook (GitHub's ping); nothing was published." },
  bad_event: { code: 400, help: 'A header or an attribute of the event is missing or malformed.' },
  not_json: { code: 400, help: 'The body is not a JSON object in UTF-8.' },
  signature_missing: { code: 401, error: UNAUTHORIZED, help: 'The header with the signature or token is missing.' },
  signature_duplicate: { code: 401, error: UNAUTHORIZED, help: 'The header with the signature or token is there more than once.' },
  signature_malformed: { code: 401, error: UNAUTHORIZED, help: 'The header with the signature or token is not of the form of its scheme.' },
  signature_mismatch: { code: 401, error: UNAUTHORIZED, help: "None of the route's secrets makes this signature or token." },
  unknown_route: { code: 404, error: 'no webhook is served at this path', help: 'No webhook has this path.' },
  method: { code: 405, error: 'events are sent with POST', help: 'The method is not POST.' },
  too_large: { code: 413, error: 'the body is larger than this webhook accepts', help: "The body exceeds the route's maxBodyBytes." },
  content_type: { code: 415, help: 'The content type or content encoding is not one that the route reads.' },
  aborted: { code: 499, help: 'The sender went away, or took too long, before its body was complete; nothing was published.' },
  internal: { code: 500, error: 'the gateway failed; its log says why', help: 'A fault of the gateway itself.' },
  secret_unreadable: { code: 503, error: 'the secret of this webhook cannot be read', help: "None of the route's secrets can be read." },
  unroutable: {
    code: 503,
    error: 'the queue of this webhook is missing',
    help: 'The broker has no queue for the event, although there should be one.',
  },
  queue_full: {
    code: 503,
    error: 'the queue of this webhook takes no more for now',
    help: 'A queue refused the event, e.g. because it is full.',
  },
  broker_blocked: {
    code: 503,
    error: 'the broker takes no more for now',
    help: 'The broker has stopped its senders (memory or disk alarm).',
  },
  broker_unavailable: {
    code: 503,
    error: 'the broker cannot be reached',
    help: 'No connection to the broker, or it was lost before the confirm.',
  },
  confirm_late: {
    code: 503,
    error: 'the broker did not confirm in time',
    help: 'No confirm within the deadline; the event may be stored nevertheless.',
  },
  overloaded: {
    code: 503,
    error: 'too many bodies are under way',
    help: 'The bodies of all requests under way together exceed what the process may hold.',
  },
  shutting_down: { code: 503, error: 'this process is shutting down', help: 'The process is shutting down.' },
} as const satisfies Readonly<Record<string, Ending>>;

/** How a request ended. */
export type Reason = keyof typeof reasons;

/** The status code of an ending. */
export function codeOf(reason: Reason): Ending['code'] {
  return reasons[reason].code;
}

/** Endings whose answer says the same to everybody. */
export type PlainReason = { [R in Reason]: (typeof reasons)[R] extends { readonly error: string } ? R : never }[Reason];
