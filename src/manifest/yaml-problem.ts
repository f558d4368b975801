import { type Document, isScalar, visit, type YAMLError } from 'yaml';

/** What is wrong with a document, and where in its text. */
export interface YamlProblem {
  readonly offset: number;
  /** What to do. Quotes nothing of the text, which may be a Secret's. */
  readonly message: string;
}

/** Also said of a value that stands where nobody expects one, for the same reason. */
const QUOTES = 'a value that begins with a special character of YAML (such as ! & * | > % @ `) must be put in quotes';
const COLON = 'a field needs a colon and a space behind its name, as in "name: value"';
const NESTED = 'lists and maps are nested too deeply';
const DEEPER = 'this line is indented deeper than the field above it, which has its value already: give both the same indentation';

/** An alias whose anchor is nowhere above it: most likely a value that only looks like one. */
export const NO_ANCHOR = QUOTES;

/** What JSON has no key for. */
export const NO_KEY = 'a list or a map cannot be a key: a value that begins with { or [ must be put in quotes';

/** The first problem of a document in words of our own: those of the library quote what they stumble over. */
export function firstProblem(document: Document.Parsed, text: string): YamlProblem | undefined {
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem === undefined) return undefined;
  const [offset] = problem.pos;
  // A key of several lines: the library takes the value, and the field that is indented below it, for one.
  const isDeeper = problem.code === 'BLOCK_AS_IMPLICIT_KEY' && document.errors.some((other) => isMultilineKey(other, offset));
  if (isDeeper) return { offset: nextField(text, offset), message: DEEPER };
  if (problem.message.startsWith('Missing closing'))
    return { offset: lastQuote(document, offset), message: 'a quote that is opened here is not closed' };
  return { offset: problem.code === 'BAD_INDENT' ? nextContent(text, offset) : offset, message: messageFor(problem) };
}

/** What the library throws where it cannot make JSON of a document, likewise. */
export function conversionProblem(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : '';
  if (message.startsWith('Excessive alias count')) return 'aliases (*name) multiply too much here: write the values out';
  if (message.startsWith('Maximum call stack')) return NESTED;
  return 'what stands here cannot be read as YAML';
}

function messageFor({ code, message }: YAMLError): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'Map keys must be unique: remove one of the two';
    case 'TAB_AS_INDENT':
      return 'Tabs are not allowed as indentation: use spaces';
    case 'BAD_INDENT':
      return message.startsWith('Flow')
        ? 'a list or a map in brackets is not closed before this line: end it with ] or }'
        : 'this line is indented otherwise than what it belongs to: give all fields of one map the same indentation';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return message.startsWith('A block sequence')
        ? 'a list begins in the middle of a map: begin each of its items with a dash and a space'
        : 'a value with a colon and a space in it must be put in quotes';
    case 'MULTILINE_IMPLICIT_KEY':
      return COLON;
    case 'MISSING_CHAR':
      return message.startsWith('Sequence item')
        ? 'this line belongs to no item of the list: begin an item with a dash and a space, and its further fields below its first field'
        : message.startsWith('Implicit map keys')
          ? COLON
          : 'a colon, a comma or a bracket is missing here';
    case 'BAD_DQ_ESCAPE':
      return 'a backslash in double quotes begins no escape of YAML: write two of them, or use single quotes';
    case 'UNEXPECTED_TOKEN':
      return message.endsWith('at node end') ? 'something stands behind the end of a value: put all of it in quotes' : QUOTES;
    case 'BAD_ALIAS':
    case 'BAD_DIRECTIVE':
    case 'BAD_SCALAR_START':
    case 'TAG_RESOLVE_FAILED':
      return QUOTES;
    case 'RESOURCE_EXHAUSTION':
      return NESTED;
    default:
      return 'what stands here cannot be read as YAML: check indentation, colons and quotes';
  }
}

function isMultilineKey({ code, pos }: YAMLError, offset: number): boolean {
  return code === 'MULTILINE_IMPLICIT_KEY' && pos[0] === offset;
}

/** The first thing at or behind an offset that is neither blank nor a comment. */
function nextContent(text: string, offset: number): number {
  const content = /[ \t]*(?:#[^\n]*)?(\n|[^\s#])/gy;
  for (content.lastIndex = offset; ; ) {
    const found = content.exec(text);
    if (found === null) return offset;
    if (found[1] !== '\n') return content.lastIndex - 1;
  }
}

/** The first field in the lines behind an offset. */
function nextField(text: string, offset: number): number {
  const field = /\n[ \t]*(?=[^\s#][^\n]*?:(\s|$))/g;
  field.lastIndex = offset;
  return field.test(text) ? field.lastIndex : offset;
}

/** Where the last quoted text before an offset begins. */
function lastQuote(document: Document.Parsed, before: number): number {
  let found: number | undefined;
  visit(document, {
    Scalar(_, node) {
      const [begin = before] = node.range ?? [];
      if (isScalar(node) && /^QUOTE/.test(node.type ?? '') && begin < before) found = begin;
    },
  });
  return found ?? before;
}
