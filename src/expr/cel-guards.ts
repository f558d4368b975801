import type { ASTNode } from '@marcbachmann/cel-js';

/** Something that a filter must not do, and where. */
export interface GuardFinding {
  readonly node: ASTNode;
  /** What it is and what to write instead. */
  readonly message: string;
}

const comprehensions: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/**
 * The first thing in an expression whose cost an event could drive up without bound: a regular expression (JavaScript's backtrack: 29 characters held a process
 * for 11 seconds), a comprehension inside another (three over 300 items: 6 seconds), or `cel.bind`, by which values double again and again.
 */
export function guardFinding(node: ASTNode, insideComprehension = false): GuardFinding | undefined {
  const name = node.op === 'rcall' ? node.args[0] : node.op === 'call' ? node.args[0] : undefined;
  if (name === 'matches')
    return { node, message: 'matches() is not available: use startsWith(), endsWith(), contains(), ==, or "in" with a list of values' };
  if (name === 'bind') return { node, message: 'cel.bind() is not available: write the value out where it is used' };
  const comprehension = node.op === 'rcall' && comprehensions.has(node.args[0]);
  if (comprehension && insideComprehension)
    return { node, message: `${node.args[0]}() stands inside another all, exists, exists_one, map or filter: use one level of them only` };
  if (node.op === 'rcall' && comprehension)
    return (
      guardFinding(node.args[1], insideComprehension) ??
      node.args[2].map((arg) => guardFinding(arg, true)).find((finding) => finding !== undefined)
    );
  for (const child of childrenOf(node)) {
    const finding = guardFinding(child, insideComprehension);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}
