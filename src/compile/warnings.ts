import type { EventAgent } from '../api/generated/event-agent.ts';
import { consumerTimeoutFor } from '../api/hold-times.ts';
import { itemDefaults } from '../api/item-defaults.ts';
import { costNanoUsd } from '../api/prices.ts';
import { NO_TOKENS } from '../api/tokens.ts';
import { parseFilter } from '../expr/cel.ts';
import { quotedValues } from '../expr/json-quotes.ts';
import { literalOrigin } from '../expr/literal-origin.ts';
import { budgetFor } from './budget.ts';
import type { Problem } from './compile.ts';

/** What is legal in an agent and unwise. `isPriced` knows the models that have a price. */
export function warningsFor(agent: EventAgent, isPriced: (model: string) => boolean): readonly Problem[] {
  return [
    ...ownEcho(agent),
    ...longRetries(agent),
    ...longRuns(agent),
    ...smallBudgets(agent),
    ...idleEventLimits(agent),
    ...slowTokens(agent),
    ...unverified(agent),
    ...brokenBodies(agent),
    ...unpriced(agent, isPriced),
  ];
}

/** Events that GitHub sends because of what an agent writes to it. */
const ECHOES = [
  { type: 'github.issue_comment', action: 'created' },
  { type: 'github.pull_request_review', action: 'submitted' },
  { type: 'github.pull_request_review_comment', action: 'created' },
  { type: 'github.issues', action: 'edited' },
  { type: 'github.pull_request', action: 'edited' },
];

/** A GitHub trigger, an output to GitHub, and a filter that lets through what GitHub says of that output. */
function ownEcho({ spec }: EventAgent): readonly Problem[] {
  const fromGitHub = (spec.triggers ?? []).some(({ webhook }) => webhook?.verification.scheme === 'GitHub');
  const toGitHub = (spec.outputs ?? []).some(({ http }) =>
    [...(http.allowedHosts ?? []), literalOrigin(http.url) ?? ''].some((host) => /(^|[/.])github\.com(:\d+)?$/.test(host)),
  );
  if (!fromGitHub || !toGitHub) return [];
  const echoed = ECHOES.filter((echo) => letsThrough(spec.filter, echo));
  if (echoed.length === 0) return [];
  const types = echoed.map(({ type, action }) => `${type} (${action})`).join(', ');
  return [
    {
      path: 'spec.filter',
      message: `the agent writes to GitHub, and takes the event that GitHub then sends: ${types}. It would answer itself: have the filter name the event type and action that it wants`,
    },
  ];
}

function letsThrough(filter: string | undefined, { type, action }: (typeof ECHOES)[number]): boolean {
  if (filter === undefined) return true;
  try {
    return parseFilter(filter)({ id: 'probe', source: 'https://github.com', type, extensions: {}, hop: 0, data: { action } });
  } catch {
    // The filter looks at more of the event than a probe has; whether it lets the echo through cannot be told.
    return false;
  }
}

/** Runs for which the broker has to be told to wait. */
function longRuns({ spec }: EventAgent): readonly Problem[] {
  const consumerTimeoutMs = consumerTimeoutFor(spec.delivery.runTimeoutSeconds * 1000);
  if (consumerTimeoutMs === undefined) return [];
  const message = `above 1500 the work queue needs a policy with consumer-timeout ${consumerTimeoutMs}, which RabbitMQ knows from 3.12 on: it is set where the user of the management API has the tag policymaker, or by a policy of yours`;
  return [{ path: 'spec.delivery.runTimeoutSeconds', message }];
}

/** A schedule of retries that goes on after the event has outlived its TTL. */
function longRetries({ spec }: EventAgent): readonly Problem[] {
  const { maxAttempts, retryDelaysSeconds, eventTtlSeconds } = spec.delivery;
  const delays = Array.from(
    { length: maxAttempts - 1 },
    (_, index) => retryDelaysSeconds[Math.min(index, retryDelaysSeconds.length - 1)] ?? 0,
  );
  const seconds = delays.reduce((sum, delay) => sum + delay, 0);
  if (seconds <= eventTtlSeconds) return [];
  return [
    {
      path: 'spec.delivery.retryDelaysSeconds',
      message: `the retries take ${seconds} s in all, longer than eventTtlSeconds (${eventTtlSeconds}): an event whose model call keeps failing is dropped as stale before its last attempt`,
    },
  ];
}

function unverified({ spec }: EventAgent): readonly Problem[] {
  return (spec.triggers ?? []).flatMap(({ webhook }, index) =>
    webhook?.verification.scheme === 'None'
      ? [
          {
            path: `spec.triggers[${index}].webhook.verification.scheme`,
            message: 'anybody who reaches the gateway can start this agent and spend on it',
          },
        ]
      : [],
  );
}

/** Bodies that are JSON until a value holds a quote. */
function brokenBodies({ spec }: EventAgent): readonly Problem[] {
  return (spec.outputs ?? []).flatMap(({ http }, index) => {
    const { bodyTemplate = '', contentType = itemDefaults['spec.outputs[].http.contentType'] } = http;
    if (!contentType.startsWith('application/json')) return [];
    return quotedValues(bodyTemplate).map(({ position, text }) => ({
      path: `spec.outputs[${index}].http.bodyTemplate`,
      message: `${position}: ${text} stands inside quotes: a quote or line break in it would make the body no JSON, and the event a dead letter. Write {{ … | json }}, without quotes around it, which adds its own`,
    }));
  });
}

/** Budgets that have room for no call at all, whatever its request is. */
function smallBudgets({ spec }: EventAgent): readonly Problem[] {
  const { budget } = spec;
  if (budget === undefined) return [];
  const { maxTokens, model } = spec.agent;
  const answer = { ...NO_TOKENS, output: maxTokens };
  const limits = budgetFor(budget);
  return (['perEvent', 'perDay', 'perMonth'] as const).flatMap((name) => {
    const { nanoUsd = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = limits[name] ?? {};
    if (tokens >= maxTokens && nanoUsd >= (costNanoUsd(model, answer) ?? 0)) return [];
    const message = `an answer of spec.agent.maxTokens (${maxTokens}) alone is above this: no call is ever made, and events become dead letters. Raise it, or lower maxTokens`;
    return [{ path: `spec.budget.${name}`, message }];
  });
}

/** Limits for one event that are above those for all events of a day or month. */
function idleEventLimits({ spec }: EventAgent): readonly Problem[] {
  if (spec.budget === undefined) return [];
  const { perEvent, ...limits } = budgetFor(spec.budget);
  return (['usd', 'tokens'] as const).flatMap((field) => {
    const unit = field === 'usd' ? 'nanoUsd' : field;
    const [period] = (['perDay', 'perMonth'] as const).filter(
      (name) => (perEvent?.[unit] ?? 0) > (limits[name]?.[unit] ?? Number.POSITIVE_INFINITY),
    );
    if (period === undefined) return [];
    const within = period === 'perDay' ? 'day' : 'month';
    const message = `above spec.budget.${period}.${field}, which is spent first: no event reaches this within one ${within}. Lower it, or raise the other`;
    return [{ path: `spec.budget.perEvent.${field}`, message }];
  });
}

/** Tokens a minute that a single answer can be above. */
function slowTokens({ spec }: EventAgent): readonly Problem[] {
  const { tokensPerMinute } = spec.rateLimit ?? {};
  const { maxTokens } = spec.agent;
  if (tokensPerMinute === undefined || tokensPerMinute >= maxTokens) return [];
  const message = `an answer of spec.agent.maxTokens (${maxTokens}) alone can be above this: such a call goes out all the same, and the next like it waits until that is paid, up to ${Math.ceil((maxTokens / tokensPerMinute) * 60)} s and what the prompt adds. Raise it, or lower maxTokens`;
  return [{ path: 'spec.rateLimit.tokensPerMinute', message }];
}

function unpriced({ spec }: EventAgent, isPriced: (model: string) => boolean): readonly Problem[] {
  if (isPriced(spec.agent.model)) return [];
  return [{ path: 'spec.agent.model', message: `no price is known for ${spec.agent.model}: its cost will be counted as unknown` }];
}
