import { writeFileSync } from 'node:fs';
import { CodedError, InputError, messageOf } from './errors.ts';

/** Why a process of ours could not go on, each with what the reference page says. The controller reads them from the status of the pod. */
export const terminationReasons = {
  BrokerLoginRefused: 'The broker refused user, password or virtual host of the connection Secret.',
  BrokerUnreachable: 'The broker could not be reached in time.',
  StoreLoginRefused: 'The store refused user or password of the connection Secret.',
  StoreUnreachable: 'The store could not be reached in time.',
  StoreUnsafe: 'The store may evict what it was told, and nobody has accepted that.',
  StoreLost: 'The store has lost what it was told while the process was at work.',
  PublishRefused: "The agent's queue is missing, or takes no more events.",
  BadConfiguration: 'The environment, the configuration or a connection Secret is missing or malformed.',
  Internal: 'A fault of EventAgent itself; the log has the stack.',
} as const;

/** Why a process of ours could not go on. */
export type TerminationReason = keyof typeof terminationReasons;

/** A process cannot go on, through no fault in its input and none of its own. Thrown where that is decided; ends the process with exit code 1. */
export class Termination extends CodedError<TerminationReason> {}

/** How a process ends that cannot go on. */
export interface Verdict {
  readonly reason: TerminationReason;
  /** One line that says what, where, and what to do. */
  readonly message: string;
  /** 2 for wrong input, else 1. */
  readonly exitCode: 1 | 2;
  /** Where the fault is in the code; only of a fault of ours. */
  readonly stack?: string;
}

/** What an error that nobody could deal with means for the process. */
export function verdictOn(error: unknown): Verdict {
  const message = messageOf(error).replaceAll(/\s*\n\s*/g, ' ');
  if (error instanceof Termination) return { reason: error.code, message, exitCode: 1 };
  if (error instanceof InputError) return { reason: 'BadConfiguration', message, exitCode: 2 };
  const stack = error instanceof Error ? error.stack : undefined;
  return { reason: 'Internal', message, exitCode: 1, ...(stack === undefined ? {} : { stack }) };
}

/** Where the kubelet looks, unless a container says otherwise. https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure */
export const TERMINATION_LOG = '/dev/termination-log';

/** The kubelet keeps 4,096 bytes of a container; a message that is cut there would be no JSON any more. */
const MAX_MESSAGE_CHARACTERS = 1_000;

/** Leaves a verdict where the kubelet finds it, as one line of JSON. Throws nothing: outside a pod the default file is not there, and is not made. */
export function writeTermination(path: string, { reason, message }: Pick<Verdict, 'reason' | 'message'>): void {
  const cut = message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message;
  writeLastWords(path, { reason, message: cut.toWellFormed() });
}

/** Leaves one line of JSON where the kubelet finds it, which keeps 4,096 bytes of it. Throws nothing. */
export function writeLastWords(path: string, words: Readonly<Record<string, unknown>>): void {
  try {
    writeFileSync(path, `${JSON.stringify(words)}\n`, { flag: path === TERMINATION_LOG ? 'r+' : 'w' });
  } catch {
    // Standard error has it, too.
  }
}
