/**
 * An error whose `code` comes from a closed union, so that callers decide by code and never by message.
 * The message says what failed, on which object, and what to do; it never holds a payload or a secret.
 */
export class CodedError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * Somebody handed us something wrong: a file, a flag, a header, a body. Repeating it is useless.
 * `path` is the field in the user's own words (`spec.triggers[0].webhook.path`), where there is one.
 */
export class InputError extends CodedError<InputCode> {
  readonly path: string | undefined;

  constructor(code: InputCode, message: string, options?: { readonly path?: string; readonly cause?: unknown }) {
    super(code, message, options);
    this.path = options?.path;
  }
}

/** What can be wrong with an input. */
export type InputCode =
  | 'Usage'
  | 'FileUnreadable'
  | 'NotYaml'
  | 'InvalidResource'
  | 'SecretMissing'
  | 'BadTemplate'
  | 'BadFilter'
  | 'BadSchedule'
  | 'PathTaken'
  | 'NotAnEvent';

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
