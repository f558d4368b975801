/** What the conditions of an EventAgent speak of. The first five make up `Ready`, in the order in which they are looked at. */
export const eventAgentConditions = {
  Accepted: 'The spec makes sense as a whole; while it does not, the last one that did keeps running.',
  BrokerReachable: "The broker's management API answers the operator.",
  TopologyReady: 'The broker holds every exchange, queue and binding of the agent, and no policy destroys messages behind them.',
  GatewayReady: "The namespace's gateway serves all webhooks of the agent.",
  RunnerAvailable: 'Runner pods of the current configuration are at work.',
  Ready: 'All of the above.',
  Suspended: 'The agent takes no events because its spec says so.',
  ModelAvailable: 'The model provider answers; while it does not, nothing is taken, and no event is to blame.',
  BudgetExceeded: 'What the agent may spend is spent; its events wait.',
  FailingAlike: 'Event after event fails in the same way, which is not of their making; none is given up until one succeeds.',
  DeadLettersPresent: 'There are messages in the dead-letter queue.',
  WideFanOut:
    'An event type that the agent takes reaches more agents of the namespace than the operator expects (`fanOut.reportAbove` of the chart).',
} as const;

/** Type of a condition of an EventAgent. */
export type EventAgentCondition = keyof typeof eventAgentConditions;

/** The conditions that make up `Ready`: the first that does not hold gives it its reason. */
export const readyParts = [
  'Accepted',
  'BrokerReachable',
  'TopologyReady',
  'GatewayReady',
  'RunnerAvailable',
] as const satisfies readonly EventAgentCondition[];

/** What the conditions of an AgentSchedule speak of. The first three make up `Ready`. */
export const agentScheduleConditions = {
  Accepted: 'The schedule can be read and has a next time.',
  AgentResolved: 'The agent that it names is there.',
  CronJobReady: 'The CronJob is there as it should be.',
  Ready: 'All of the above.',
  Suspended: 'The schedule does not fire because its spec says so.',
  LastRunSucceeded: 'The last run ended as done, or was discarded by a rule of the agent.',
  MissedRuns: 'A run was due and has not been made, or could not begin.',
} as const;

/** Type of a condition of an AgentSchedule. */
export type AgentScheduleCondition = keyof typeof agentScheduleConditions;

/** What the conditions of a DeadLetterRedrive speak of. */
export const deadLetterRedriveConditions = {
  AgentResolved: 'The agent that it names is there.',
  Running: 'Its Job is at work.',
  Complete: 'It has ended, and has dealt with every dead letter that was meant.',
  Failed: 'It has ended before it had dealt with every dead letter that was meant; the others stay where they are.',
} as const;

/** Type of a condition of a DeadLetterRedrive. */
export type DeadLetterRedriveCondition = keyof typeof deadLetterRedriveConditions;

/** Every reason that a condition can have, with the sentence that the reference page prints. */
export const conditionReasons = {
  Accepted: 'The spec is in force.',
  Invalid: 'A field cannot be used; the message names it. Correct it: the last good version keeps running.',
  PriceUnknown: 'The budget is in US dollars, and no price is known for the model. Limit tokens instead, or use a model with a price.',
  PathTaken: 'Another, older agent of the namespace serves the path of a webhook. Give the trigger a path of its own.',
  BrokerUnknown: "spec.brokerRef names a broker that the operator does not have. Add it to the chart's values, or correct the name.",
  BrokerConflict: 'The webhooks of a namespace go to one broker by one Secret, and an older agent uses another one.',
  NameTaken: 'An object of that name exists and belongs to somebody else. Rename or delete it.',
  Reachable: 'The management API answers.',
  BrokerUnreachable: 'The broker does not answer, or a pod cannot connect to it. Look at the broker, its Service and the network policies.',
  BrokerLoginRefused: 'The broker refused user or password. Correct the Secret; it is read anew.',
  NotObserved: 'Nothing is known yet.',
  Declared: 'Everything is on the broker.',
  Declaring: 'Objects are being made on the broker, or wait until a crash of the broker would find them again.',
  QueueMismatch: 'A queue with other arguments has the name. It was not touched: move its messages elsewhere and delete it.',
  ExchangeMismatch: 'An exchange of another kind has the name. It was not touched: delete or rename it.',
  ForeignExchangeMissing: 'An exchange of yours that a trigger binds to is not there. Declare it, or correct the trigger.',
  ForeignPolicy: "A policy of the platform destroys messages of the agent's queues. Narrow its pattern.",
  RunTimeoutTooLong:
    'The broker does not let a delivery be held for as long as a run may take; the last good version keeps running. Use RabbitMQ 3.12 or later, raise `consumer-timeout` in the policy that the message names, or lower spec.delivery.runTimeoutSeconds.',
  PolicyRefused:
    "The broker's user may not write the policy that a long run needs; the last good version keeps running. Give the operator's user the tag `policymaker`, or set `consumer-timeout` by a policy of yours.",
  ManagementFailed: 'The management API refused a change; the message says what it answered.',
  NoWebhooks: 'The agent has no webhooks.',
  Serving: 'The gateway serves the webhooks.',
  RollingOut: 'Pods of the current configuration are being started.',
  StatusUnreachable: 'The pods could not be asked for their status. Allow the operator to reach their metrics port.',
  SecretMissing: 'A Secret, or a key in it, is missing. Create it; nothing else is to be done.',
  Available: 'Pods of the current configuration are at work.',
  ScaledToZero: 'spec.replicas is 0: events wait in the queue.',
  ImagePullFailed: "The image cannot be pulled. Correct the image in the chart's values, or the pull secrets.",
  CrashLooping: 'A pod ends again and again; the message has its last words.',
  BadConfiguration: 'A pod cannot read its configuration or its environment; the message says what.',
  StoreUnreachable: 'A pod cannot reach the store. Look at Redis, its Service and the network policies.',
  StoreLoginRefused: 'The store refused user or password. Correct the Secret.',
  StoreUnsafe:
    'The store may evict what it was told, and an event could be run twice: no events are taken. Set its maxmemory-policy to noeviction, or accept it in the connection Secret.',
  StoreLost:
    'The store has lost what it was told: no events are taken until somebody has looked. Acknowledge it by `eventagent store acknowledge`, or restart the pods.',
  Unschedulable: 'No node takes the pod; the message is that of the scheduler.',
  PodsRefused: 'The API server refuses the pods or what belongs to them, for example by a quota; the message is its own.',
  ApplyFailed: 'The API server did not take a change; it is tried again.',
  PodsNotReady: 'Pods run and are not ready; the message says why, where they do.',
  Ready: 'Everything is as it should be.',
  Suspended: 'spec.suspend is true: nothing is run, events wait in the queue.',
  Suspending:
    'spec.suspend is true, and pods that were started before take events until they are replaced. RunnerAvailable says what holds that up.',
  NotSuspended: 'spec.suspend is false.',
  ModelAnswers: 'Calls of the model are made.',
  Overloaded: 'The model provider is overloaded. It is tried again and again.',
  RateLimited:
    'The model provider limits the rate. It is tried again and again; ask the provider for more, or lower spec.delivery.concurrency.',
  Unauthorized: 'The model provider refuses the API key, or there is none. Correct the Secret; nothing else is to be done.',
  Forbidden: 'The API key may not use the model.',
  ModelNotFound: 'The model provider does not know the model. Correct spec.agent.model or baseUrl.',
  SpendLimit: "The provider's account may spend no more. Raise its limit there.",
  Unreachable: 'The model provider cannot be reached. Look at DNS, network policies and spec.agent.baseUrl.',
  NoBudget: 'The agent has no budget.',
  WithinBudget: 'There is money for the next call.',
  BudgetSpent: 'The day or the month has no room for another call. Wait until it ends, or raise spec.budget.',
  SameFailure:
    "Five or more events in a row failed in the same way. Mend what the message names: a template, the request, or the output's sink.",
  NoSameFailure: 'Events do not fail alike.',
  DeadLetters: 'Events were given up; they lie in the dead-letter queue with their reasons.',
  NoDeadLetters: 'The dead-letter queue is empty.',
  DepthUnknown: 'The broker does not say how many messages there are.',
  ManyAgents:
    'Each event of the type that the message names is run by all of these agents. If that is not meant, narrow `queue.eventTypes` or the filters; else raise `fanOut.reportAbove`.',
  FewAgents: 'No event type that the agent takes reaches more agents than the operator expects.',
  NoEventTypes: 'The agent takes no events by their type.',
  Resolved: 'The agent is there.',
  AgentMissing: 'There is no EventAgent of that name in the namespace. Create it, or correct agentRef.',
  AgentNotAccepted: 'The agent has no configuration that could be run; its own conditions say why.',
  CronJobCurrent: 'The CronJob is as it should be.',
  NoRunYet: 'No run has ended yet.',
  RunSucceeded: 'The last run ended well.',
  RunFailed: "The last run became a dead letter; the agent's dead-letter queue has it with its reason.",
  RunExpired: 'The last run was not begun before the next one was due.',
  RunDeadlineExceeded: 'The last run took longer than activeDeadlineSeconds.',
  PreviousRunUnfinished: 'The run before was still under way, so that none was begun.',
  Redriving: 'The Job of the redrive is at work.',
  NotStarted: 'The redrive has not begun.',
  Ended: 'The redrive has ended.',
  NotEnded: 'The redrive has not ended.',
  DryRun: 'It was said what would be done; nothing was changed.',
  Redriven: 'Every dead letter that was meant was dealt with.',
  FailureRateHigh: 'Too many of the redriven events became dead letters again. Mend the cause, then make another redrive.',
  NoProgress: "Redriven events do not come to an end. Look at the agent's conditions, then make another redrive.",
  RecordsUnreadable:
    'The records of some events cannot be read; their dead letters stay, and all others were dealt with. The message has their ids. Put the records back from a backup of the store, then make another redrive.',
  JobFailed: 'The Job failed too often; the message has its last words. Mend the cause, then make another redrive.',
  NoneMissed: 'No run is missing.',
  StartMissed: 'A run was due and no job was started for it in time.',
} as const;

/** Why a condition is as it is. */
export type ConditionReason = keyof typeof conditionReasons;
