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
  readonly status?: EventAgentStatus;
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
  readonly budget?: BudgetSpec;
  readonly rateLimit?: RateLimitSpec;
  readonly checkpoints?: CheckpointsSpec;
  readonly deadLetters?: DeadLettersSpec;
  /**
   * Stops the consumption: triggers still take events in, which wait in the queue.
   */
  readonly suspend: boolean;
  /**
   * How many runner processes share the events in a cluster, 0 to 100; `kubectl scale` and a HorizontalPodAutoscaler write it. With 0, events wait in the queue.
   */
  readonly replicas: number;
  /**
   * Which of the operator's brokers holds the topology, by the name in the chart's values. All webhooks of a namespace go to one broker. A DNS label of 1 to 63 characters.
   */
  readonly brokerRef: string;
  readonly connectionSecrets: ConnectionSecrets;
  readonly deletionPolicy: DeletionPolicy;
  readonly podTemplate?: PodTemplate;
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
 * Receives events by HTTP POST. With scheme `GitHub` GitHub's own deliveries; with every other one CloudEvents 1.0 in structured mode, one a request, with the content type `application/cloudevents+json`. 202 means that the event is stored.
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
   * The secrets that are accepted, 1 to 4: several while a secret is rotated. Required unless the scheme is `None`, and not allowed with it. One line break at the end of a value is not part of the secret.
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
   * Hosts that the rendered url, and every redirect, may lead to, as `host` or `host:port` in lower case; 1 to 16. Required where the host of the url is not written out; without it only the written-out host is allowed. Only redirects with 307 and 308 are followed, which keep method and body, and at most five of them.
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
   * A run that takes longer is aborted and counts as a failed attempt. In seconds, 10 to 21600 (6 hours). Above 1500 the broker must let a delivery be held for longer than its usual 30 minutes: RabbitMQ 3.12 or later, by a policy that the operator sets where its user may (tag `policymaker`), or by one of yours.
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
/**
 * What the agent may spend, over all its pods. The most that a call can cost is reserved before it is made; where there is no room for that, nothing is taken until the period ends, money that was reserved comes back, or the budget is raised. Events wait in the queue meanwhile.
 */
export interface BudgetSpec {
  readonly perEvent?: BudgetLimitSpec;
  readonly perDay?: BudgetLimitSpec;
  readonly perMonth?: BudgetLimitSpec;
  /**
   * The IANA time zone whose clocks say when a day and a month begin. 1 to 64 characters.
   */
  readonly timeZone: string;
}
/**
 * For one event, until it is done or given up; what goes beyond makes it a dead letter.
 */
export interface BudgetLimitSpec {
  /**
   * US dollars at list prices, as a decimal, e.g. "25.00"; at most nine digits behind the point.
   */
  readonly usd?: string;
  /**
   * Tokens, input and output together, 1 to 1000000000000.
   */
  readonly tokens?: number;
}
/**
 * How fast the agent may call its model, over all its pods; outputs are not limited. What is beyond waits in the queue; its time to live does not run meanwhile.
 */
export interface RateLimitSpec {
  readonly events?: EventRate;
  /**
   * Tokens of calls of the model, input and output together, 1 to 1000000000000. They come in again as the calls do. While a call is under way, the most that it can use counts; one that can use more than this is made when all of them have come in.
   */
  readonly tokensPerMinute?: number;
}
/**
 * So many calls of the model in each period. They come in again steadily; after a quiet time those of a whole period may be made at once, and nearly twice as many within one period.
 */
export interface EventRate {
  /**
   * 1 to 1000000.
   */
  readonly limit: number;
  /**
   * In seconds, 1 to 86400.
   */
  readonly periodSeconds: number;
}
/**
 * How the model's answers and the requests of outputs lie in the store until their events have ended and are forgotten. Without it in clear.
 */
export interface CheckpointsSpec {
  /**
   * Keys of AES-256-GCM, each 32 bytes in base64 (`openssl rand -base64 32`), 1 to 4: the first encrypts, all decrypt, so that a key can be rotated.
   */
  readonly encryptionKeyRefs: readonly SecretKeyRef[];
}
/**
 * What becomes of dead letters in the end. Without it they are kept until somebody takes them.
 */
export interface DeadLettersSpec {
  /**
   * After how many days, 1 to 365, a dead letter is deleted, with what is known of its event. A runner looks once an hour; one that is sent again later runs again.
   */
  readonly retentionDays: number;
}
/**
 * Secrets in the agent's namespace from which its pods take their connections, with keys as RabbitMQ's cluster operator writes them: `connection_string`, or `host`, `port`, `username` and `password` (and `vhost`); `ca.crt` where the server's certificate is signed by a CA of your own.
 */
export interface ConnectionSecrets {
  /**
   * Name of the Secret with the connection to RabbitMQ. A DNS subdomain of 1 to 253 characters.
   */
  readonly broker: string;
  /**
   * Name of the Secret with the connection to Redis or Valkey. A DNS subdomain of 1 to 253 characters.
   */
  readonly store: string;
}
/**
 * What becomes of the agent's queues when the agent is deleted.
 */
export interface DeletionPolicy {
  /**
   * The work queue, its retry tiers and the wait queue. `DeleteIfEmpty`: deleted once they were seen empty twice, else left and reported; `Delete`: deleted with the events in them; `Retain`: left.
   */
  readonly queue: 'DeleteIfEmpty' | 'Delete' | 'Retain';
  /**
   * The dead-letter queue, by the same words.
   */
  readonly deadLetters: 'DeleteIfEmpty' | 'Delete' | 'Retain';
}
/**
 * What the agent's runner pods have beyond what the operator gives them. They pass the `restricted` pod security standard in any case.
 */
export interface PodTemplate {
  /**
   * Annotations of the pods; at most 32.
   */
  readonly annotations?: {
    /**
     * Value of the annotation, at most 4096 characters.
     */
    readonly [k: string]: string;
  };
  readonly resources?: ResourceRequirements;
  /**
   * Labels that a node must have; at most 16.
   */
  readonly nodeSelector?: {
    /**
     * Value of the label, at most 63 characters.
     */
    readonly [k: string]: string;
  };
  /**
   * Taints that the pods tolerate; at most 16.
   */
  readonly tolerations?: readonly Toleration[];
  /**
   * Secrets with the logins to the registry of the image; at most 8.
   */
  readonly imagePullSecrets?: readonly SecretName[];
  /**
   * Further environment variables, such as `HTTPS_PROXY`; at most 32.
   */
  readonly env?: readonly EnvironmentVariable[];
}
/**
 * What the container asks for and may use; given, it replaces the operator's own.
 */
export interface ResourceRequirements {
  /**
   * What is reserved for the container, by resource; at most 8.
   */
  readonly requests?: {
    /**
     * A quantity in quotes, such as `"100m"` or `"256Mi"`, at most 32 characters.
     */
    readonly [k: string]: string;
  };
  /**
   * What the container may use at most, by resource; at most 8.
   */
  readonly limits?: {
    /**
     * A quantity in quotes, such as `"1"` or `"512Mi"`, at most 32 characters.
     */
    readonly [k: string]: string;
  };
}
/**
 * One toleration, as a pod has it.
 */
export interface Toleration {
  /**
   * Key of the taint, at most 316 characters.
   */
  readonly key?: string;
  /**
   * Whether the value must be equal; Kubernetes takes a missing one as `Equal`.
   */
  readonly operator?: 'Equal' | 'Exists';
  /**
   * Value of the taint, at most 63 characters.
   */
  readonly value?: string;
  /**
   * The effect of the taint; a missing one stands for all.
   */
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /**
   * How long a `NoExecute` taint is tolerated, in seconds, 0 to 86400.
   */
  readonly tolerationSeconds?: number;
}
/**
 * One Secret.
 */
export interface SecretName {
  /**
   * Name of the Secret, in the agent's namespace. A DNS subdomain of 1 to 253 characters.
   */
  readonly name: string;
}
/**
 * One environment variable.
 */
export interface EnvironmentVariable {
  /**
   * Name of the variable, 1 to 128 characters; names that begin with `EVENTAGENT_` are the operator's.
   */
  readonly name: string;
  /**
   * The value, at most 4096 characters.
   */
  readonly value?: string;
  readonly secretKeyRef?: SecretKeyRef;
}
/**
 * What the operator saw and did; written by it alone.
 */
export interface EventAgentStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  readonly observedGeneration?: number;
  /**
   * What is well and what is not; reasons come from a closed list in the reference.
   */
  readonly conditions?: readonly Condition[];
  /**
   * How many runner pods there are.
   */
  readonly replicas?: number;
  /**
   * The label selector of the runner pods, for the `scale` subresource.
   */
  readonly selector?: string;
  /**
   * Name of the ConfigMap with the configuration in force.
   */
  readonly configuration?: string;
  /**
   * Events in the work queue, its retry tiers and the wait queue; missing where it is not known.
   */
  readonly queued?: number;
  /**
   * Messages in the dead-letter queue; missing where it is not known.
   */
  readonly deadLetters?: number;
  /**
   * US dollars that the agent has cost today, over all pods. With a budget: what is booked for the present day of its time zone, money for calls under way included. Without: what the calls of the day (UTC) have cost that are recorded with their events. Missing where no price is known for the model or for a call of the day, and where no pod can be asked.
   */
  readonly costToday?: string;
  /**
   * Where the agent's webhooks are received inside the cluster, for an Ingress or an HTTPRoute to lead to.
   */
  readonly webhooks?: readonly WebhookStatus[];
}
/**
 * One condition, as Kubernetes defines it.
 */
export interface Condition {
  /**
   * What the condition speaks of.
   */
  readonly type: string;
  /**
   * Whether it holds.
   */
  readonly status: 'True' | 'False' | 'Unknown';
  /**
   * One word of a closed list.
   */
  readonly reason: string;
  /**
   * What was seen, on which object, and what to do.
   */
  readonly message: string;
  /**
   * When the status last changed.
   */
  readonly lastTransitionTime: string;
  /**
   * The generation of the spec that the condition speaks of.
   */
  readonly observedGeneration: number;
}
/**
 * One webhook trigger.
 */
export interface WebhookStatus {
  /**
   * Name of the trigger.
   */
  readonly trigger: string;
  /**
   * Path that the sender posts to.
   */
  readonly path: string;
  /**
   * Service in the agent's namespace.
   */
  readonly service: string;
  /**
   * Port of the Service.
   */
  readonly port: number;
}
