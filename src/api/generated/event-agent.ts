// Generated from crds/eventagents.yaml by `npm run generate`. Do not edit.

/**
 * An LLM agent that runs in the background: events come in by triggers, pass a filter, become one request to a model, and the answer goes to the outputs. Each event ends in exactly one known place.
 */
export interface EventAgent {
  /**
   * Group and version of this resource.
   */
  readonly apiVersion: string;
  /**
   * Kind of this resource.
   */
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: EventAgentSpec;
}
/**
 * The standard metadata of Kubernetes; further fields are kept and not looked at.
 */
export interface ObjectMeta {
  /**
   * A DNS label of at most 40 characters.
   */
  readonly name: string;
  /**
   * A DNS label; `default` where the manifest names none.
   */
  readonly namespace: string;
  readonly labels?: {
    readonly [k: string]: string;
  };
  readonly annotations?: {
    readonly [k: string]: string;
  };
}
/**
 * What the agent reacts to, what it asks the model, and where the answer goes.
 */
export interface EventAgentSpec {
  /**
   * Where events come from. None is allowed: then only what is published directly to the agent's exchange reaches it. At most 16.
   */
  readonly triggers?: readonly Trigger[];
  /**
   * CEL over `event` (`id`, `source`, `type`, `time`, `subject`, `extensions`, `hop`, `data`) that is true for the events to run; the others are acknowledged and counted as filtered. A filter that fails on an event, for example by a missing key, makes it a dead letter: guard with `has(…)`. Without a filter every event runs. 1 to 4096 characters.
   */
  readonly filter?: string;
  readonly agent: AgentSpec;
  /**
   * Where the answer goes, one after the other; at most 16. Without any, the run ends with the model's answer.
   */
  readonly outputs?: readonly Output[];
  readonly delivery: DeliverySpec;
  readonly idempotency: IdempotencySpec;
  /**
   * Stops the consumption: triggers still take events in, which wait in the queue.
   */
  readonly suspend: boolean;
}
/**
 * One source of events, either a webhook or a queue.
 */
export interface Trigger {
  /**
   * Name of the trigger, unique in the agent. A DNS label of 1 to 40 characters.
   */
  readonly name: string;
  readonly webhook?: WebhookTrigger;
  readonly queue?: QueueTrigger;
}
/**
 * Receives events by HTTP POST.
 */
export interface WebhookTrigger {
  /**
   * Path of the webhook on the gateway, matched exactly; unique in the namespace. Segments of letters, digits and `-_.~` that do not begin with a dot, 2 to 200 characters. Default: `/<agent>/<trigger>`.
   */
  readonly path?: string;
  readonly verification: WebhookVerification;
  /**
   * A longer request body is answered 413. In bytes, 1 to 8388608 (8 MiB). Default: `1048576`.
   */
  readonly maxBodyBytes?: number;
  /**
   * Whether the events go to the namespace's event exchange, where every agent with a matching `queue.eventTypes` gets them, instead of to this agent alone. Default: `false`.
   */
  readonly fanOut?: boolean;
}
/**
 * How the sender proves itself. A request that fails is answered 401 and nothing is published.
 */
export interface WebhookVerification {
  /**
   * `GitHub`: HMAC-SHA256 of the body in `X-Hub-Signature-256`. `HMAC`: HMAC-SHA256 of the body in the header `header`, in hex, with or without `sha256=` before it. `Bearer`: the secret itself in `Authorization: Bearer`. `None`: anybody may send; it must be written out.
   */
  readonly scheme: 'GitHub' | 'HMAC' | 'Bearer' | 'None';
  /**
   * The secrets that are accepted, 1 to 4: several while a secret is rotated. Required unless the scheme is `None`, and not allowed with it.
   */
  readonly secretKeyRefs?: readonly SecretKeyRef[];
  /**
   * The header that holds the signature; scheme `HMAC` only. 1 to 128 characters. Default: `X-Signature-256`.
   */
  readonly header?: string;
}
/**
 * A key of a Secret in the agent's namespace.
 */
export interface SecretKeyRef {
  /**
   * Name of the Secret, in the agent's namespace. A DNS subdomain of 1 to 253 characters.
   */
  readonly name: string;
  /**
   * Key in the Secret's data. Letters, digits and `-_.`, 1 to 253 characters.
   */
  readonly key: string;
}
/**
 * Receives events from the broker, either from an exchange of yours or from the namespace's event exchange.
 */
export interface QueueTrigger {
  readonly exchange?: QueueExchange;
  /**
   * Event types of the namespace to receive, as topic patterns over the words between dots: `*` stands for one word, `#` for any number of them. 1 to 16, each at most 255 bytes.
   *
   * Items: A topic pattern over event types, such as `github.*` or `com.example.order.#`, of 1 to 255 bytes.
   */
  readonly eventTypes?: readonly string[];
}
/**
 * An exchange of yours in the same virtual host. It must exist; it is bound to, and never declared nor deleted. With neither `routingKeys` nor `headers` it is bound with the routing key `#`.
 */
export interface QueueExchange {
  /**
   * Name of the exchange, 1 to 200 characters and at most 255 bytes. Exchanges of EventAgent itself (`ea.…`) and `amq.default` cannot be bound.
   */
  readonly name: string;
  /**
   * Routing keys to bind with, for a direct or topic exchange; on a topic exchange `*` stands for one word and `#` for any number of them. 1 to 16, each at most 255 bytes.
   *
   * Items: A routing key or topic pattern of at most 255 bytes.
   */
  readonly routingKeys?: readonly string[];
  readonly headers?: HeaderMatch;
}
/**
 * Headers to match, for a headers exchange.
 */
export interface HeaderMatch {
  /**
   * `All`: every value must match; `Any`: one is enough.
   */
  readonly match: 'All' | 'Any';
  /**
   * Header values by header name, 1 to 16. Names have at most 128 characters and do not begin with `x-`, which a headers exchange does not look at.
   */
  readonly values: {
    /**
     * The value that the header must have, at most 255 characters.
     */
    readonly [k: string]: string;
  };
}
/**
 * The model and what it is asked.
 */
export interface AgentSpec {
  /**
   * Name of the model, as the provider spells it. 1 to 128 characters.
   */
  readonly model: string;
  readonly apiKeySecretRef: SecretKeyRef;
  /**
   * Address of the Messages API, for a gateway or a proxy of your own; `http` or `https`, without credentials, query or fragment, at most 2048 characters. Without it the provider's own.
   */
  readonly baseUrl?: string;
  /**
   * The system prompt, sent as it is; at most 32768 characters. Event data belongs into `prompt`.
   */
  readonly system?: string;
  /**
   * The user message, a Liquid template over `agent` and `event`. A variable that the event does not have makes it a dead letter. 1 to 65536 characters.
   */
  readonly prompt: string;
  /**
   * The most tokens that the model may answer with; a truncated answer makes the event a dead letter. 1 to 128000.
   */
  readonly maxTokens: number;
}
/**
 * One receiver of the answer.
 */
export interface Output {
  /**
   * Name of the output, unique in the agent; part of its idempotency key. A DNS label of 1 to 40 characters.
   */
  readonly name: string;
  readonly http: HttpOutputSpec;
}
/**
 * Sends the answer by HTTP. Each request carries an `Idempotency-Key` that is the same in every attempt for the same event and output.
 */
export interface HttpOutputSpec {
  /**
   * HTTP method: `POST`, `PUT` or `PATCH`. Default: `POST`.
   */
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  /**
   * Where to send to, a Liquid template over `agent`, `event` and `output`; `http` or `https`, 1 to 2048 characters. Behind a written-out `scheme://host` each value is percent-encoded; where a value makes up scheme, host or port, values are inserted as they are and `allowedHosts` is required.
   */
  readonly url: string;
  /**
   * Hosts that the rendered url, and every redirect, may lead to, as `host` or `host:port` in lower case; 1 to 16. Required where the host of the url is not written out; without it only the written-out host is allowed.
   *
   * Items: `host` or `host:port` in lower case, at most 259 characters.
   */
  readonly allowedHosts?: readonly string[];
  /**
   * Request headers; at most 32.
   */
  readonly headers?: readonly OutputHeader[];
  /**
   * Request headers whose value is a secret; at most 16.
   */
  readonly headersFrom?: readonly OutputSecretHeader[];
  /**
   * The request body, a Liquid template over `agent`, `event` and `output`, at most 65536 characters. Without it the body is a JSON object with the agent, the event's attributes and the text.
   */
  readonly bodyTemplate?: string;
  /**
   * Content type of the body, 3 to 128 characters. Default: `application/json`.
   */
  readonly contentType?: string;
  /**
   * How long an answer is waited for, in seconds, 1 to 120; then the result is unknown. Default: `30`.
   */
  readonly timeoutSeconds?: number;
  /**
   * What to do where the request was sent and no answer is known (crash, reset, timeout, 502 or 504). `Retry`: send it again, with the same `Idempotency-Key`, for receivers that honour it. `DeadLetter`: never send twice. Default: `Retry`.
   */
  readonly onUnknownResult?: 'Retry' | 'DeadLetter';
}
/**
 * One request header.
 */
export interface OutputHeader {
  /**
   * Name of the header, 1 to 128 characters; not one of those that the request itself sets (`Host`, `Content-Length`, `Content-Type`, `Idempotency-Key`, `Connection` and the like).
   */
  readonly name: string;
  /**
   * Value of the header, a Liquid template over `agent`, `event` and `output`; at most 4096 characters.
   */
  readonly value: string;
}
/**
 * One request header whose value is a secret.
 */
export interface OutputSecretHeader {
  /**
   * Name of the header, 1 to 128 characters; not one of those that the request itself sets (`Host`, `Content-Length`, `Content-Type`, `Idempotency-Key`, `Connection` and the like).
   */
  readonly name: string;
  readonly secretKeyRef: SecretKeyRef;
}
/**
 * How events are tried, retried and given up.
 */
export interface DeliverySpec {
  /**
   * After so many failed attempts the event is dead-lettered, 1 to 10.
   */
  readonly maxAttempts: number;
  /**
   * How long to wait after the first, second, … failed attempt, in seconds, 1 to 86400 each; 1 to 8 of them. The last one repeats.
   *
   * Items: A delay in seconds, 1 to 86400.
   */
  readonly retryDelaysSeconds: readonly number[];
  /**
   * An event that is older than this when its run would start is dropped and counted as stale; counted from when it was first published. In seconds, 60 to 604800 (7 days).
   */
  readonly eventTtlSeconds: number;
  /**
   * A run that takes longer is aborted and counts as a failed attempt. In seconds, 10 to 1500.
   */
  readonly runTimeoutSeconds: number;
  /**
   * How many events one process runs at a time, 1 to 64.
   */
  readonly concurrency: number;
}
/**
 * When two events are the same event; a repeated one is acknowledged and counted as a duplicate.
 */
export interface IdempotencySpec {
  /**
   * CEL over `event` that gives a string; events with the same string are the same event. Without it an event is told by its `source` and `id`. 1 to 1024 characters.
   */
  readonly key?: string;
  /**
   * How long a finished event is remembered, in seconds, 86400 (1 day) to 2592000 (30 days). A repetition that comes later runs again.
   */
  readonly retentionSeconds: number;
}
