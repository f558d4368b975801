import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type ScalarTag,
  type Tags,
  visit,
} from 'yaml';
import { InputError, messageOf } from '../lib/errors.ts';
import type { FieldPath } from './field-error.ts';

/** One document of a file, with where its values stand. */
export interface YamlDocument {
  readonly file: string;
  /** The document's first line, from 1. */
  readonly line: number;
  /** As JSON. */
  readonly value: unknown;
  /** The line of a value, from 1; of the innermost value around it where there is none. */
  lineOf(at: FieldPath): number;
}

/**
 * Words of YAML 1.1, which is what kubectl reads (`yes` is true, 0644 is octal), without the tags that make no JSON (dates, sexagesimal numbers, binary, sets).
 * https://github.com/kubernetes-sigs/yaml
 */
function kubectlTags(tags: Tags): Tags {
  return tags.filter((tag) => {
    if (typeof tag === 'string') return true;
    const { tag: name, format } = tag as ScalarTag;
    return format !== 'TIME' && !/:(timestamp|binary|set|omap|pairs)$/.test(name);
  });
}

/** The documents of a text; empty ones are left out. Throws `InputError` (`NotYaml`) with file and line, on duplicate keys and runaway aliases too. */
export function parseYamlDocuments(text: string, file: string): readonly YamlDocument[] {
  const lineCounter = new LineCounter();
  const options = { lineCounter, prettyErrors: false, version: '1.1', customTags: kubectlTags } as const;
  const documents = guarded(file, () => parseAllDocuments(text, options));
  if ('empty' in documents) return [];
  return documents.flatMap((document) => {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined)
      throw new InputError('NotYaml', `${file}:${lineCounter.linePos(problem.pos[0]).line}: ${problem.message}`, { cause: problem });
    const { contents } = document;
    if (contents === null) return [];
    const lineOf = (at: FieldPath) => lineCounter.linePos(offsetOf(contents, at)).line;
    refuseStrangeNodes(document, (offset) => `${file}:${lineCounter.linePos(offset).line}`);
    const value = guarded(`${file}:${lineOf([])}`, () => document.toJS({ maxAliasCount: 100 }) as unknown);
    return value === null ? [] : [{ file, line: lineOf([]), value, lineOf }];
  });
}

/** What the library throws (too many aliases, nesting deeper than the stack) as an error with its place. */
function guarded<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new InputError('NotYaml', `${where}: ${messageOf(cause)}`, { cause });
  }
}

/** Refuses what the library would print into text (lists and maps as keys: JSON has none), or would name no place of (an alias before its anchor). */
function refuseStrangeNodes(document: Document.Parsed, where: (offset: number) => string): void {
  const anchors = new Set<string>();
  visit(document, {
    Pair(_, { key }) {
      if (isCollection(key)) throw new InputError('NotYaml', `${where(key.range?.[0] ?? 0)}: a list or a map cannot be a key`);
    },
    Value(_, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Alias(_, { source, range }) {
      if (!anchors.has(source))
        throw new InputError('NotYaml', `${where(range?.[0] ?? 0)}: *${source} stands before its anchor, or there is none`);
    },
  });
}

/** Where a value begins: at its key in a map, at itself in a list. */
function offsetOf(root: Node, at: FieldPath): number {
  let node: Node = root;
  let offset = root.range?.[0] ?? 0;
  for (const step of at) {
    const pair = isMap(node) ? node.items.find(({ key }) => String(isNode(key) ? key.toJSON() : key) === String(step)) : undefined;
    const child: unknown = pair === undefined ? (isSeq(node) && typeof step === 'number' ? node.items[step] : undefined) : pair.value;
    const start = pair !== undefined && isNode(pair.key) ? pair.key : child;
    if (!isNode(start)) return offset;
    offset = start.range?.[0] ?? offset;
    if (!isNode(child)) return offset;
    node = child;
  }
  return offset;
}
