import { CodedError } from '../../lib/errors.ts';
import { parseAgentArgument } from '../agent-argument.ts';
import type { Terminal } from '../terminal.ts';
import { type StoreFlags, withStore } from './events.ts';

/** Nobody has asked for the agent's memory yet. */
export class NothingToAcknowledge extends CodedError<'NothingToAcknowledge'> {}

/** `eventagent store acknowledge NAMESPACE/AGENT`: lets an agent go on with a store that has lost what it was told. May be repeated. Throws as `withStore`, and `NothingToAcknowledge`. */
export async function acknowledgeLoss(
  agent: string,
  options: StoreFlags,
  environment: NodeJS.ProcessEnv,
  terminal: Terminal,
): Promise<void> {
  const ref = parseAgentArgument(agent);
  const { acknowledged } = await withStore(options, environment, (store) => store.acknowledge(ref));
  if (!acknowledged) {
    throw new NothingToAcknowledge(
      'NothingToAcknowledge',
      `no runner of ${agent} has looked at this store: correct the name of the agent or the address of the store, or wait until one runs`,
    );
  }
  terminal.out(
    `acknowledged: ${agent} goes on with what this store knows now; events that it has forgotten are run again where they come again`,
  );
}
