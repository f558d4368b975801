import { warningsFor } from '../../compile/warnings.ts';
import { costNanoUsd } from '../../model/prices.ts';
import { load, located } from '../load.ts';
import type { Terminal } from '../terminal.ts';

const NO_USAGE = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

/** `eventagent validate FILE|DIR…`: the API server's verdict, what it cannot see, and what is legal and unwise. Throws `RefusedInput` or `InputError`. */
export function validate(paths: readonly string[], terminal: Terminal): void {
  const { agents } = load(paths);
  const isPriced = (model: string) => costNanoUsd(model, NO_USAGE) !== undefined;
  const warnings = agents.flatMap(({ agent, placeOf }) => warningsFor(agent, isPriced).map((problem) => located(placeOf, problem)));
  for (const warning of warnings) terminal.err(`warning: ${warning}`);
  const names = agents.map(({ agent }) => `${agent.metadata.namespace}/${agent.metadata.name}`).join(', ');
  terminal.out(`valid: ${names}${warnings.length === 0 ? '' : ` (${warnings.length} warning${warnings.length === 1 ? '' : 's'})`}`);
}
