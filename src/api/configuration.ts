import { count, flag, fromJson, listOf, name, object, optional, type Parse, text, variant, word, yes } from './json-shape.ts';
import type { AgentRef } from './names.ts';

/** A key of a Secret in the agent's namespace. */
export interface SecretKeyRef {
  readonly name: string;
  readonly key: string;
}

/** How a webhook's sender proves itself. */
export type Verification =
  | { readonly scheme: 'GitHub'; readonly secretKeyRefs: readonly SecretKeyRef[] }
  | { readonly scheme: 'HMAC'; readonly header: string; readonly secretKeyRefs: readonly SecretKeyRef[] }
  | { readonly scheme: 'Bearer'; readonly secretKeyRefs: readonly SecretKeyRef[] }
  | { readonly scheme: 'None' };

/** One webhook trigger, as the gateway serves it. */
export interface Route {
  readonly agent: AgentRef;
  readonly trigger: string;
  /** Absolute path, matched exactly. */
  readonly path: string;
  readonly verification: Verification;
  readonly maxBodyBytes: number;
  /** Where the event goes: the agent's own exchange (key `work`), or the namespace's events exchange (key = event type). */
  readonly target: { readonly exchange: string; readonly routingKey: string } | { readonly exchange: string; readonly byType: true };
}

/** The gateway's configuration: the routes of all agents of one namespace, and every type pattern they bind. */
export interface GatewayConfiguration {
  readonly namespace: string;
  readonly routes: readonly Route[];
  /** AMQP topic patterns over event types, of all agents: a fan-out type that none of them matches reaches nobody. */
  readonly typePatterns: readonly string[];
}

/** An HTTP output. */
export interface HttpOutput {
  readonly name: string;
  readonly method: 'POST' | 'PUT' | 'PATCH';
  /** Liquid. */
  readonly url: string;
  /** `host` or `host:port`, lower case; empty where the URL's scheme, host and port are literal and nothing was given. */
  readonly allowedHosts: readonly string[];
  /** Values are Liquid. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly headersFrom: readonly { readonly name: string; readonly secretKeyRef: SecretKeyRef }[];
  /** Liquid; without it the body is a JSON object with the agent, the event's attributes and the text. */
  readonly bodyTemplate?: string;
  readonly contentType: string;
  readonly timeoutMs: number;
  readonly onUnknownResult: 'Retry' | 'DeadLetter';
}

/** A limit in money at list prices, in tokens (input and output together), or in both: then the tighter one counts. */
export interface BudgetLimit {
  readonly nanoUsd?: number;
  readonly tokens?: number;
}

/** What an agent may spend. */
export interface Budget {
  /** For one event, until it is done or given up; a redriven one begins anew. */
  readonly perEvent?: BudgetLimit;
  readonly perDay?: BudgetLimit;
  readonly perMonth?: BudgetLimit;
  /** The zone whose clocks say when a day begins. */
  readonly timeZone: string;
}

/** How fast an agent may go. */
export interface RateLimit {
  /** So many calls of the model in each period. */
  readonly events?: { readonly limit: number; readonly periodMs: number };
  /** Input and output together. */
  readonly tokensPerMinute?: number;
}

/** Everything a runner has to know of its agent. */
export interface RunnerConfiguration {
  readonly agent: AgentRef;
  /** Prefix of all names on the broker. */
  readonly prefix: string;
  /** CEL over `event`. */
  readonly filter?: string;
  readonly model: {
    readonly name: string;
    readonly apiKeySecretRef: SecretKeyRef;
    readonly baseUrl?: string;
    readonly system?: string;
    /** Liquid over `event`. */
    readonly prompt: string;
    readonly maxTokens: number;
  };
  readonly outputs: readonly HttpOutput[];
  readonly delivery: {
    readonly maxAttempts: number;
    readonly retryDelaysMs: readonly number[];
    readonly eventTtlMs: number;
    readonly runTimeoutMs: number;
    /** Events under way at a time in one process. */
    readonly concurrency: number;
  };
  readonly idempotency: {
    /** CEL over `event`; without it SHA-256 over source and id. */
    readonly key?: string;
    readonly retentionMs: number;
  };
  readonly budget?: Budget;
  readonly rateLimit?: RateLimit;
  /** Without it dead letters are kept until somebody takes them. */
  readonly deadLetters?: {
    /** Older ones are deleted. */
    readonly retentionMs: number;
  };
  /** Keys that encrypt what is recorded of an event: the first encrypts, all decrypt. */
  readonly checkpoints?: { readonly encryptionKeyRefs: readonly SecretKeyRef[] };
  readonly suspend: boolean;
}

/** Reads a secret's current value; asked on every use, so that a rotated secret is seen. `undefined` where it cannot be read. */
export type Secrets = (ref: SecretKeyRef) => string | undefined;

/** Reads the JSON of a gateway's configuration. Throws `InputError` (`InvalidResource`) with the path of what is wrong. */
export function parseGatewayConfiguration(json: string): GatewayConfiguration {
  return fromJson(json, gatewayConfiguration);
}

/** Reads the JSON of a runner's configuration; its expressions and templates are texts still. Throws as `parseGatewayConfiguration`. */
export function parseRunnerConfiguration(json: string): RunnerConfiguration {
  return fromJson(json, runnerConfiguration);
}

const agentRef = object<AgentRef>({ namespace: name, name });
const secretKeyRef = object<SecretKeyRef>({ name, key: name });
const secretKeyRefs = listOf(secretKeyRef);

const verification = variant<'scheme', Verification>('scheme', {
  GitHub: object({ scheme: word('GitHub'), secretKeyRefs }),
  HMAC: object({ scheme: word('HMAC'), header: name, secretKeyRefs }),
  Bearer: object({ scheme: word('Bearer'), secretKeyRefs }),
  None: object({ scheme: word('None') }),
});

type ByKey = Extract<Route['target'], { readonly routingKey: string }>;
type ByType = Extract<Route['target'], { readonly byType: true }>;
const byKey = object<ByKey>({ exchange: name, routingKey: text });
const byType = object<ByType>({ exchange: name, byType: yes });
const target: Parse<Route['target']> = (value, path) =>
  typeof value === 'object' && value !== null && 'byType' in value ? byType(value, path) : byKey(value, path);

const gatewayConfiguration = object<GatewayConfiguration>({
  namespace: name,
  routes: listOf(object<Route>({ agent: agentRef, trigger: name, path: name, verification, maxBodyBytes: count(1), target })),
  typePatterns: listOf(name),
});

const httpOutput = object<HttpOutput>({
  name,
  method: word('POST', 'PUT', 'PATCH'),
  url: name,
  allowedHosts: listOf(name),
  headers: listOf(object<HttpOutput['headers'][number]>({ name, value: text })),
  headersFrom: listOf(object<HttpOutput['headersFrom'][number]>({ name, secretKeyRef })),
  bodyTemplate: optional(text),
  contentType: name,
  timeoutMs: count(1),
  onUnknownResult: word('Retry', 'DeadLetter'),
});

const budgetLimit = object<BudgetLimit>({ nanoUsd: optional(count(1)), tokens: optional(count(1)) });

const budget = object<Budget>({
  perEvent: optional(budgetLimit),
  perDay: optional(budgetLimit),
  perMonth: optional(budgetLimit),
  timeZone: name,
});

const runnerConfiguration = object<RunnerConfiguration>({
  agent: agentRef,
  prefix: name,
  filter: optional(text),
  model: object<RunnerConfiguration['model']>({
    name,
    apiKeySecretRef: secretKeyRef,
    baseUrl: optional(name),
    system: optional(text),
    prompt: text,
    maxTokens: count(1),
  }),
  outputs: listOf(httpOutput),
  delivery: object<RunnerConfiguration['delivery']>({
    maxAttempts: count(1),
    retryDelaysMs: listOf(count(0)),
    eventTtlMs: count(1),
    runTimeoutMs: count(1),
    concurrency: count(1),
  }),
  idempotency: object<RunnerConfiguration['idempotency']>({ key: optional(text), retentionMs: count(0) }),
  budget: optional(budget),
  rateLimit: optional(
    object<RateLimit>({
      events: optional(object<NonNullable<RateLimit['events']>>({ limit: count(1), periodMs: count(1) })),
      tokensPerMinute: optional(count(1)),
    }),
  ),
  deadLetters: optional(object<NonNullable<RunnerConfiguration['deadLetters']>>({ retentionMs: count(1) })),
  checkpoints: optional(object<NonNullable<RunnerConfiguration['checkpoints']>>({ encryptionKeyRefs: secretKeyRefs })),
  suspend: flag,
});
