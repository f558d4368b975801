import { isDeepStrictEqual } from 'node:util';
import type { EventAgentStatus } from '../../api/generated/event-agent.ts';
import { type AgentRef, agentId } from '../../api/names.ts';
import { usdDecimal } from '../../api/prices.ts';
import { resources } from '../../kube/resources.ts';
import type { Operator } from '../operator.ts';
import { writeStatus } from '../write-status.ts';
import { Written } from '../written.ts';
import type { Reach } from './fan-out.ts';
import type { StoredEventAgent } from './resource.ts';
import { isWorthWriting } from './status.ts';
import type { Depths } from './topology.ts';

/** Writes statuses, and only where something has changed. */
export class StatusWriter {
  readonly #operator: Pick<Operator, 'kube' | 'clock'>;
  /** When an agent's numbers were written last. */
  readonly #numbersAt = new Map<string, number>();
  readonly #costsAt = new Map<string, number>();
  /** How many agents an event type of the agent reaches, as it is shown, and since when. */
  readonly #reaches = new Map<string, { readonly reach: Reach; readonly since: number }>();
  readonly #written = new Written<StoredEventAgent>();

  constructor(operator: Pick<Operator, 'kube' | 'clock'>) {
    this.#operator = operator;
  }

  /** The status as it is: the cache may not have seen our last write yet. */
  latest(agent: StoredEventAgent): EventAgentStatus | undefined {
    return this.#written.newest(agent).status;
  }

  /** The numbers to show: those of the status, until new ones are worth a write. */
  depths(agent: StoredEventAgent, seen: Depths | undefined): Depths | undefined {
    const { queued, deadLetters } = this.latest(agent) ?? {};
    const now = this.#operator.clock.now();
    const sinceMs = now - (this.#numbersAt.get(agentId(agent.metadata)) ?? Number.NEGATIVE_INFINITY);
    const isNews = isWorthWriting(queued, seen?.queued, sinceMs) || isWorthWriting(deadLetters, seen?.deadLetters, sinceMs);
    if (isNews) return seen;
    return queued === undefined || deadLetters === undefined ? undefined : { queued, deadLetters };
  }

  /** What the agent has cost today, to show: that of the status, until another one is worth a write. */
  costToday(agent: StoredEventAgent, seenNanoUsd: number | undefined): string | undefined {
    const { costToday } = this.latest(agent) ?? {};
    const shown = costToday === undefined ? undefined : Number(costToday) * 1e9;
    const sinceMs = this.#operator.clock.now() - (this.#costsAt.get(agentId(agent.metadata)) ?? Number.NEGATIVE_INFINITY);
    if (!isWorthWriting(shown, seenNanoUsd, sinceMs)) return costToday;
    return seenNanoUsd === undefined ? undefined : usdDecimal(seenNanoUsd);
  }

  /** The wide reach to tell of: the one that is shown, until another number is worth a write. */
  reach({ metadata }: StoredEventAgent, seen: Reach | undefined): Reach | undefined {
    const id = agentId(metadata);
    const shown = this.#reaches.get(id);
    const now = this.#operator.clock.now();
    if (shown !== undefined && seen?.type === shown.reach.type && !isReachWorthWriting(shown.reach, seen, now - shown.since))
      return shown.reach;
    if (seen === undefined) this.#reaches.delete(id);
    else this.#reaches.set(id, { reach: seen, since: now });
    return seen;
  }

  /** Rejects with `KubeError`; an agent that is gone meanwhile is none. */
  async write(agent: StoredEventAgent, status: EventAgentStatus, signal: AbortSignal): Promise<void> {
    const before = this.latest(agent);
    if (isDeepStrictEqual(before, status)) return;
    const { kube, clock } = this.#operator;
    const id = agentId(agent.metadata);
    if (status.queued !== before?.queued || status.deadLetters !== before?.deadLetters) this.#numbersAt.set(id, clock.now());
    if (status.costToday !== before?.costToday) this.#costsAt.set(id, clock.now());
    const written = await writeStatus(kube, resources.eventAgents, agent, status, signal);
    if (written !== undefined) this.#written.remember(written);
  }

  forget(agent: AgentRef): void {
    this.#numbersAt.delete(agentId(agent));
    this.#costsAt.delete(agentId(agent));
    this.#reaches.delete(agentId(agent));
    this.#written.forget(agent.namespace, agent.name);
  }
}

/** A number as any other; as many agents of other names, once a minute. */
function isReachWorthWriting(before: Reach, now: Reach, sinceMs: number): boolean {
  if (isDeepStrictEqual(before, now)) return false;
  return isWorthWriting(before.count, now.count, sinceMs) || (before.count === now.count && sinceMs >= 60_000);
}
