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
import { InputError } from '../lib/errors.ts';
import type { FieldPath } from './field-error.ts';
import { conversionProblem, firstProblem, NO_ANCHOR, NO_KEY, type YamlProblem } from './yaml-problem.ts';

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

/** What a text holds. */
export interface YamlText {
  /** Those that can be read; empty ones are left out. */
  readonly documents: readonly YamlDocument[];
  /** What is wrong with the others, of each the first: `InputError` (`NotYaml`) with file and line, which quotes nothing of them. */
  readonly problems: readonly InputError[];
}

/** Reads the documents of a text. Duplicate keys and runaway aliases are problems, too. */
export function parseYamlDocuments(text: string, file: string): YamlText {
  const lineCounter = new LineCounter();
  const lineAt = (offset: number) => lineCounter.linePos(offset).line;
  const options = { lineCounter, prettyErrors: false, version: '1.1', customTags: kubectlTags } as const;
  const documents: YamlDocument[] = [];
  const problems: InputError[] = [];
  const refuse = (line: number, message: string) => void problems.push(new InputError('NotYaml', `${file}:${line}: ${message}`));
  try {
    const parsed = parseAllDocuments(text, options);
    for (const document of 'empty' in parsed ? [] : parsed) {
      const problem = firstProblem(document, text) ?? strangeNode(document);
      if (problem !== undefined) refuse(lineAt(problem.offset), problem.message);
      else documents.push(...readable(document, file, lineAt, refuse));
    }
  } catch (thrown) {
    refuse(1, conversionProblem(thrown));
  }
  return { documents, problems };
}

function readable(
  document: Document.Parsed,
  file: string,
  lineAt: (offset: number) => number,
  refuse: (line: number, message: string) => void,
): readonly YamlDocument[] {
  const { contents } = document;
  if (contents === null) return [];
  const lineOf = (at: FieldPath) => lineAt(offsetOf(contents, at));
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null ? [] : [{ file, line: lineOf([]), value, lineOf }];
  } catch (thrown) {
    refuse(lineOf([]), conversionProblem(thrown));
    return [];
  }
}

/** What the library would print into text (lists and maps as keys: JSON has none), or would name no place of (an alias before its anchor). */
function strangeNode(document: Document.Parsed): YamlProblem | undefined {
  const anchors = new Set<string>();
  let found: YamlProblem | undefined;
  visit(document, {
    Pair(_, { key }) {
      if (isCollection(key)) found ??= { offset: key.range?.[0] ?? 0, message: NO_KEY };
    },
    Value(_, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Alias(_, { source, range }) {
      if (!anchors.has(source)) found ??= { offset: range?.[0] ?? 0, message: NO_ANCHOR };
    },
  });
  return found;
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
