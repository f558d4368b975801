/** One metric: what it counts, of which labels. All label values come from closed sets or from the resources themselves. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** Every metric there is, by name. `docs/reference.md` lists exactly these. */
export const metrics = {
  eventagent_events_total: {
    type: 'counter',
    help: 'Deliveries that ended in the runner, by how: done, filtered, duplicate, stale, expired, retried, dead, handed_back, waiting or interrupted. The reason says why where the outcome does not.',
    labels: ['namespace', 'agent', 'outcome', 'reason'],
  },
  eventagent_run_duration_seconds: {
    type: 'histogram',
    help: 'Time from taking an event to the end of the run.',
    labels: ['namespace', 'agent', 'outcome'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1500, 3600, 21_600],
  },
  eventagent_event_age_seconds: {
    type: 'histogram',
    help: 'Age of an event when its run starts, counted from when it was first published.',
    labels: ['namespace', 'agent'],
    // The time of the first publish is kept in whole seconds.
    buckets: [1, 5, 30, 60, 300, 900, 3600, 21_600, 86_400],
  },
  eventagent_tokens_total: {
    type: 'counter',
    help: 'Tokens by kind (input, output, cache_read, cache_write). estimated="true" is an upper bound for calls that ended without a report of their usage.',
    labels: ['namespace', 'agent', 'model', 'kind', 'estimated'],
  },
  eventagent_cost_usd_total: {
    type: 'counter',
    help: 'Cost of model calls in US dollars at list prices. Calls of a model without a known price are counted in eventagent_unpriced_calls_total instead.',
    labels: ['namespace', 'agent', 'model', 'estimated'],
  },
  eventagent_unpriced_calls_total: {
    type: 'counter',
    help: 'Model calls whose cost is unknown, because the model is not in the price table.',
    labels: ['namespace', 'agent', 'model'],
  },
  eventagent_intake_paused: {
    type: 'gauge',
    help: '1 while the runner takes no events, or one at a time to try, because of: provider (the model provider is not available), budget (it is spent), alike (event after event fails in the same way), rate (spec.rateLimit is used up for now), secret (a Secret that an output needs cannot be read), settling (the broker takes no copy of an event), store (it does not answer, or cannot be trusted), suspended. Else 0.',
    labels: ['namespace', 'agent', 'reason'],
  },
  eventagent_model_breaker_open: {
    type: 'gauge',
    help: '1 while the model provider is taken to be unavailable, by all agents of the namespace that call the same model by the same key; else 0.',
    labels: ['namespace', 'agent'],
  },
  eventagent_model_breaker_reason: {
    type: 'gauge',
    help: '1 for why the model provider is taken to be unavailable, as `ModelAvailable` has it; 0 for what was the reason before.',
    labels: ['namespace', 'agent', 'reason'],
  },
  eventagent_model_next_probe_timestamp_seconds: {
    type: 'gauge',
    help: 'When the model provider, while it is taken to be unavailable, is tried next, in seconds since the epoch; else 0.',
    labels: ['namespace', 'agent'],
  },
  eventagent_failing_alike: {
    type: 'gauge',
    help: '1 while event after event of the agent fails in the same way, and none is given up for it; else 0.',
    labels: ['namespace', 'agent'],
  },
  eventagent_budget_remaining_usd: {
    type: 'gauge',
    help: 'What is left of a limit in US dollars (period: day or month), reservations for calls under way taken off; over all replicas.',
    labels: ['namespace', 'agent', 'period'],
  },
  eventagent_budget_remaining_tokens: {
    type: 'gauge',
    help: 'What is left of a limit in tokens (period: day or month), reservations for calls under way taken off; over all replicas.',
    labels: ['namespace', 'agent', 'period'],
  },
  eventagent_consumers: {
    type: 'gauge',
    help: 'Channels with a consumer: each takes events, or has one in hand. 0 once the intake is closed and what was in hand has ended, and while the broker or the queue is gone.',
    labels: ['namespace', 'agent'],
  },
  eventagent_settle_refused: {
    type: 'gauge',
    help: 'Deliveries that the runner holds because the broker does not take a copy of the event: a retry, a dead letter, or one that is handed back.',
    labels: ['namespace', 'agent'],
  },
  eventagent_trace_spans_dropped_total: {
    type: 'counter',
    help: 'Spans that did not reach the OpenTelemetry collector; the log says why, once.',
    labels: [],
  },
  eventagent_dead_letters_expired_total: {
    type: 'counter',
    help: 'Dead letters that were deleted because they were older than spec.deadLetters.retentionDays.',
    labels: ['namespace', 'agent'],
  },
  eventagent_gateway_requests_total: {
    type: 'counter',
    help: 'Requests to the gateway by route (namespace/agent/trigger, or "none"), answer code and reason.',
    labels: ['route', 'code', 'reason'],
  },
  eventagent_gateway_publish_seconds: {
    type: 'histogram',
    help: 'Time from publishing an event to its confirm by the broker.',
    labels: ['route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 8],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The metrics of the operator's own process, by name. Those of queues come from the leader only. */
export const controllerMetrics = {
  eventagent_queue_messages: {
    type: 'gauge',
    help: 'Events in the work queue of an agent, its retry tiers and its wait queue, by state: ready, unacknowledged, or held (expired and refused by a full queue). Gone, not 0, while it is not known.',
    labels: ['namespace', 'agent', 'state'],
  },
  eventagent_dead_letters: {
    type: 'gauge',
    help: 'Messages in the dead-letter queue of an agent, in whatever state. Gone, not 0, while it is not known.',
    labels: ['namespace', 'agent'],
  },
  eventagent_fan_out_agents: {
    type: 'gauge',
    help: 'The largest number of agents that one event type reaches in a namespace, or of which that is known, where its patterns overlap in too many ways to look at every type. Gone where no agent takes events by type.',
    labels: ['namespace'],
  },
  eventagent_broker_reachable: {
    type: 'gauge',
    help: "1 while the broker's management API answers the operator, else 0.",
    labels: ['broker'],
  },
  eventagent_orphaned_queues: {
    type: 'gauge',
    help: "Queues of the operator's prefix that belong to no agent; the log names them.",
    labels: ['broker'],
  },
  eventagent_leader: {
    type: 'gauge',
    help: '1 in the replica of the operator that is at work, 0 in the one that stands by.',
    labels: [],
  },
  eventagent_reconcile_total: {
    type: 'counter',
    help: 'Reconciliations by kind (EventAgent, Gateway, AgentSchedule) and outcome (done, or failed: an edge did not answer, and it is tried again).',
    labels: ['kind', 'outcome'],
  },
  eventagent_reconcile_duration_seconds: {
    type: 'histogram',
    help: 'Time of one reconciliation.',
    labels: ['kind'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60],
  },
  eventagent_work_queue_depth: {
    type: 'gauge',
    help: 'Objects that wait for a worker.',
    labels: ['kind'],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
