import type { ConditionReason } from '../api/conditions.ts';

/** How something stands: a condition without its type, its time and its generation. */
export interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason;
  /** What was seen, on which object, and what to do. Never a payload, never a Secret's value. */
  readonly message: string;
}

/** It is as it should be. */
export function good(reason: ConditionReason, message: string): Verdict {
  return { status: 'True', reason, message };
}

/** It is not. */
export function bad(reason: ConditionReason, message: string): Verdict {
  return { status: 'False', reason, message };
}

/** Nobody knows. */
export function unknown(reason: ConditionReason, message: string): Verdict {
  return { status: 'Unknown', reason, message };
}
