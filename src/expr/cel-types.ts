import type { ASTNode, EvaluationError } from '@marcbachmann/cel-js';

/** Errors of conversions, whose own words quote the value. */
const CONVERSIONS = /^(?:\w+_conversion_error|invalid_timestamp|invalid_duration)$/;

/**
 * What kept an expression from being evaluated because of the types that values of an event have, in words for its author: which field is what, and what it is not good for.
 * `undefined` for every other error. Quotes the expression alone.
 */
export function typeProblem(source: string, { code, summary, node }: EvaluationError): string | undefined {
  if (node === undefined) return undefined;
  const text = (part: ASTNode) => source.slice(part.start, part.end);
  const is = (part: ASTNode, type: string) => `${text(part)} is ${typeWord(type)}`;
  const got = /, got '([^']+)'$|^Expression of type '([^']+)'/.exec(summary);
  const [type = ''] = got?.slice(1).filter((found) => found !== undefined) ?? [];
  switch (code) {
    case 'no_such_overload':
      return operatorProblem(summary, node, is);
    case 'no_matching_overload':
      return functionProblem(summary, node, is);
    case 'invalid_logical_operand':
    case 'invalid_condition_type':
      return `${node.op === 'value' ? 'a value' : text(node)} is ${typeWord(type)} on this event, where true or false is needed: compare it with something`;
    case 'invalid_comprehension_range':
      return `${is(node, type)} on this event, and only a list or a map can be gone through`;
    default:
      return CONVERSIONS.test(code) && node.op === 'call'
        ? `${node.args[0]}() can make nothing of ${node.args[1].map(text).join(', ')} on this event`
        : undefined;
  }
}

type Is = (part: ASTNode, type: string) => string;

function operatorProblem(summary: string, node: ASTNode, is: Is): string | undefined {
  const [, unary, operand = ''] = /^no such overload: ([!-])(\S.*)$/.exec(summary) ?? [];
  if (unary !== undefined && (node.op === '!_' || node.op === '-_'))
    return `${is(node.args, operand)} on this event, and ${unary} does not take ${typeWord(operand)}`;
  const [, left = '', operator, right = ''] = /^no such overload: (.+) (\S+) (.+)$/.exec(summary) ?? [];
  if (operator === undefined || !Array.isArray(node.args)) return undefined;
  const [a, b] = node.args as readonly ASTNode[];
  const named = [
    [a, left],
    [b, right],
  ] as const;
  const known = named.flatMap(([part, type]) => (part === undefined || part.op === 'value' ? [] : [is(part, type)]));
  return `${known.join(' and ')} on this event, and ${operator} does not take ${typeWord(left)} and ${typeWord(right)}`;
}

function functionProblem(summary: string, node: ASTNode, is: Is): string | undefined {
  const [, receiver, name, types = ''] = /^found no matching overload for '(?:(.+)\.)?(\w+)\((.*)\)'$/.exec(summary) ?? [];
  const words = typesIn(types).map(typeWord).join(' and ');
  if (receiver !== undefined && node.op === 'rcall')
    return `${is(node.args[1], receiver)} on this event, and has no ${name}()${words === '' ? '' : ` with ${words}`}`;
  if (node.op !== 'call' || words === '') return undefined;
  const known = node.args[1].map((part, index) => is(part, typesIn(types)[index] ?? ''));
  return `${known.join(' and ')} on this event, and ${name}() does not take ${words}`;
}

/** The types in a list of them; commas within brackets part none. */
function typesIn(list: string): readonly string[] {
  return list === '' ? [] : list.split(/, (?![^<]*>)/);
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a string',
  int: 'a whole number',
  uint: 'a whole number',
  double: 'a number',
  bool: 'true or false',
  null: 'null',
  null_type: 'null',
  list: 'a list',
  map: 'a map',
  bytes: 'bytes',
};

/** A type of CEL's in a person's words. */
function typeWord(type: string): string {
  const [name = type] = type.replace(/^dyn<(.*)>$/, '$1').split('<', 1);
  return typeWords[name] ?? `a ${name.replace(/^google\.protobuf\./, '').toLowerCase()}`;
}
