/** Why an event became a dead letter, each with the sentence that the reference page prints. */
export const deadLetterReasons = {
  NoEventId: 'The message names no id: neither ce-id, nor message_id, and the agent has no idempotency key for it.',
  UnreadableBody: 'The body is not what its content type says, or neither JSON nor text.',
  HopLimit: 'The event came through too many agents; agents seem to feed each other in a circle.',
  FilterError: 'The filter could not be evaluated on this event.',
  KeyError: 'The idempotency key could not be evaluated on this event.',
  TemplateError: 'A template of the prompt or of an output could not be rendered with this event.',
  ModelBadRequest: 'The model provider refused the request as invalid.',
  ContextTooLong: 'The prompt does not fit into the model, or the answer ran into the end of its context.',
  Refused: 'The model refused to answer.',
  AnswerTruncated: 'The answer reached maxTokens and is incomplete.',
  ToolUse: 'The model asked for a tool, and the agent has none.',
  TurnPaused: 'The model paused its turn, and this version does not resume one.',
  UnknownStop: 'The model stopped for a reason that this version does not know.',
  OutputRejected:
    'An output answered with a status that a repetition cannot mend; a redirect with 301, 302 or 303, which is not followed, is one.',
  OutputForbidden: "An output's URL, or a redirect of it, leads to a host that is not allowed.",
  OutputUnknown: 'An output was sent and no answer is known, and onUnknownResult is DeadLetter.',
  EventBudgetSpent: 'What the event has cost, and the most that its next call can cost, are above budget.perEvent.',
  ExceedsBudget: 'The one call could cost more than the budget of a whole day or month.',
  AttemptsExhausted: 'Every attempt failed for a passing reason; the error of the last one is kept.',
  CrashLoop:
    'Run after run of this event did not come to an end: the process died with it, stood still, or failed in a way that nobody foresaw.',
} as const;

/** Why an event became a dead letter. */
export type DeadLetterReason = keyof typeof deadLetterReasons;

/** Why a message lies in the dead-letter queue that no runner has put there. */
export const strayReasons = {
  GivenUpByBroker:
    'It was RabbitMQ that moved it here: it was delivered too often without an end (`delivery_limit`), or somebody rejected it (`rejected`).',
  PutByHand: 'Neither a runner nor the broker put it here; somebody published or moved it.',
} as const;

/** Why a message lies in the dead-letter queue that no runner has put there. */
export type StrayReason = keyof typeof strayReasons;

/** Why an event was put off to another attempt, counted. */
export const retryReasons = {
  ModelServerError: 'The model provider failed with a server error.',
  ModelStalled: "The model's stream stood still for too long.",
  ModelCut: 'The connection to the model broke in the middle of the answer.',
  OutputUnreachable: 'An output could not be reached; nothing was sent.',
  OutputBusy: 'An output asked to come back later (408, 409, 425, 429, or 403 with a rate limit).',
  OutputServerError: 'An output answered with a server error.',
  OutputUnknown: 'An output was sent and no answer is known; it is repeated with the same idempotency key.',
  RunTimeout: 'The run took longer than runTimeoutSeconds.',
} as const;

/** Why an event was put off to another attempt. */
export type RetryReason = keyof typeof retryReasons;

/** Why an event was handed back without counting an attempt: it is not the event's fault. */
export const handBackReasons = {
  Overloaded: 'The model provider is overloaded (529).',
  RateLimited: 'The model provider limits the rate (429).',
  Unauthorized: 'The model provider refused the API key (401), or the key cannot be read.',
  Forbidden: 'The API key may not use the model (403).',
  ModelNotFound: 'The model provider does not know the model (404).',
  SpendLimit: "The account's spend limit is reached.",
  Unreachable: 'The model provider could not be reached; nothing was sent.',
  SecretMissing: 'A Secret that an output needs cannot be read.',
  BudgetSpent:
    'The budget of the day or month is spent; nothing is taken until it ends, or money that was reserved comes back, or the budget is raised.',
  OwnRateLimit: 'The rate that spec.rateLimit allows is used up for now.',
  FailingAlike: 'Event after event fails in the same way, which is not of their making: none is given up until one succeeds.',
  Shutdown: 'The runner is stopping.',
} as const;

/** Why an event was handed back without counting an attempt. */
export type HandBackReason = keyof typeof handBackReasons;

/** Why a delivery waits a little before it is looked at again. */
export const waitReasons = {
  NotDue: 'Its time (a retry-after, or a pause) has not come.',
  Leased: 'Another delivery of the same event is being run.',
  Behind: 'What is left of the budget is kept for events that had begun.',
  SealedRecord:
    'What is recorded of it is encrypted and does not open: its key is not given any more, or it was changed in the store. The log says which; give the old key as a further entry.',
  UnreadableRecord:
    'What lies in the place of its record in the store is none: somebody has changed it there. Nothing is run or sent, since what was bought and sent is not known.',
  Busy: 'It must run alone after a crash, and other events are under way in the process.',
} as const;

/** Why a delivery waits a little before it is looked at again. */
export type WaitReason = keyof typeof waitReasons;
