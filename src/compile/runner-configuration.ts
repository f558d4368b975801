import type { HttpOutput, RateLimit, RunnerConfiguration } from '../api/configuration.ts';
import type { EventAgent, Output, RateLimitSpec } from '../api/generated/event-agent.ts';
import { itemDefaults } from '../api/item-defaults.ts';
import { budgetFor } from './budget.ts';

const DAY_MS = 86_400_000;

/** What the agent's runner has to know. */
export function runnerConfigurationFor(agent: EventAgent, prefix: string): RunnerConfiguration {
  const { spec } = agent;
  const { model, apiKeySecretRef, baseUrl, system, prompt, maxTokens } = spec.agent;
  const { maxAttempts, retryDelaysSeconds, eventTtlSeconds, runTimeoutSeconds, concurrency } = spec.delivery;
  return {
    agent: { namespace: agent.metadata.namespace, name: agent.metadata.name },
    prefix,
    ...(spec.filter === undefined ? {} : { filter: spec.filter }),
    model: {
      name: model,
      apiKeySecretRef,
      ...(baseUrl === undefined ? {} : { baseUrl }),
      ...(system === undefined ? {} : { system }),
      prompt,
      maxTokens,
    },
    outputs: (spec.outputs ?? []).map(httpOutputFor),
    delivery: {
      maxAttempts,
      retryDelaysMs: retryDelaysSeconds.map((seconds) => seconds * 1000),
      eventTtlMs: eventTtlSeconds * 1000,
      runTimeoutMs: runTimeoutSeconds * 1000,
      concurrency,
    },
    idempotency: {
      ...(spec.idempotency.key === undefined ? {} : { key: spec.idempotency.key }),
      retentionMs: spec.idempotency.retentionSeconds * 1000,
    },
    ...(spec.budget === undefined ? {} : { budget: budgetFor(spec.budget) }),
    ...(spec.rateLimit === undefined ? {} : { rateLimit: rateLimitFor(spec.rateLimit) }),
    ...(spec.deadLetters === undefined ? {} : { deadLetters: { retentionMs: spec.deadLetters.retentionDays * DAY_MS } }),
    ...(spec.checkpoints === undefined ? {} : { checkpoints: { encryptionKeyRefs: spec.checkpoints.encryptionKeyRefs } }),
    suspend: spec.suspend,
  };
}

function rateLimitFor({ events, tokensPerMinute }: RateLimitSpec): RateLimit {
  return {
    ...(events === undefined ? {} : { events: { limit: events.limit, periodMs: events.periodSeconds * 1000 } }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute }),
  };
}

function httpOutputFor({ name, http }: Output): HttpOutput {
  return {
    name,
    method: http.method ?? itemDefaults['spec.outputs[].http.method'],
    url: http.url,
    allowedHosts: (http.allowedHosts ?? []).map((host) => host.toLowerCase()),
    headers: http.headers ?? [],
    headersFrom: http.headersFrom ?? [],
    ...(http.bodyTemplate === undefined ? {} : { bodyTemplate: http.bodyTemplate }),
    contentType: http.contentType ?? itemDefaults['spec.outputs[].http.contentType'],
    timeoutMs: (http.timeoutSeconds ?? itemDefaults['spec.outputs[].http.timeoutSeconds']) * 1000,
    onUnknownResult: http.onUnknownResult ?? itemDefaults['spec.outputs[].http.onUnknownResult'],
  };
}
