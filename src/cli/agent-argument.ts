import type { AgentRef } from '../api/names.ts';
import { InputError } from '../lib/errors.ts';

/** A DNS label, as namespaces have it; names of agents are shorter. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Reads `NAMESPACE/AGENT`. Throws `InputError` (`Usage`). */
export function parseAgentArgument(text: string): AgentRef {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (more.length === 0 && LABEL.test(namespace) && LABEL.test(name)) return { namespace, name };
  throw new InputError(
    'Usage',
    `${JSON.stringify(text.slice(0, 200))} names no agent: write its namespace and its name, as in default/pr-reviewer`,
  );
}
