import type { AgentRef } from '../../api/names.ts';
import { CodedError } from '../../lib/errors.ts';
import { type StoreFlags, withStore } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';

/** Nobody has asked for the agent's memory yet. */
export class NothingToAcknowledge extends CodedError<'NothingToAcknowledge'> {}

/** `eventagent store acknowledge NAMESPACE/AGENT`: lets an agent go on with a store that has lost what it was told. May be repeated. Throws as `withStore`, and `NothingToAcknowledge`. */
export async function acknowledgeLoss(agent: AgentRef, options: StoreFlags, terminal: Terminal): Promise<void> {
  const name = `${agent.namespace}/${agent.name}`;
  const { acknowledged, lost } = await withStore(agent, options, (store) => store.acknowledge(agent));
  if (!acknowledged) {
    throw new NothingToAcknowledge(
      'NothingToAcknowledge',
      `no runner of ${name} has looked at this store: correct the name of the agent or the address of the store, or wait until one runs`,
    );
  }
  terminal.out(
    lost
      ? `acknowledged: ${name} goes on with what this store knows now; events that it has forgotten are run again where they come again`
      : `nothing to acknowledge: no runner of ${name} has found that this store has lost anything`,
  );
}
