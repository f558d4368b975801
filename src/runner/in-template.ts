import { InputError } from '../lib/errors.ts';
import { HostNotAllowed } from './outputs/hosts.ts';

/** Works with a template of the agent's. An `InputError` or `HostNotAllowed` says which one it was: `output comment: header X-A: line 1, column 4: …`. */
export function inTemplate<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(error.code, `${name}: ${error.message}`, { cause: error });
    if (error instanceof HostNotAllowed) throw new HostNotAllowed(`${name}: ${error.message}`);
    throw error;
  }
}
