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
  UnexpectedStop: 'The model stopped for a reason that this version cannot go on from.',
  OutputRejected: 'An output answered with a status that a repetition cannot mend.',
  OutputForbidden: "An output's URL, or a redirect of it, leads to a host that is not allowed.",
  OutputUnknown: 'An output was sent and no answer is known, and onUnknownResult is DeadLetter.',
  AttemptsExhausted: 'Every attempt failed for a passing reason; the error of the last one is kept.',
  CrashLoop: 'The process died again and again while it ran this event.',
} as const;

/** Why an event became a dead letter. */
export type DeadLetterReason = keyof typeof deadLetterReasons;
