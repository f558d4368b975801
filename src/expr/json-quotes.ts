import { Tokenizer, TokenKind } from 'liquidjs';
import { positionOf } from './position.ts';

/** Filters after which a value holds nothing that could end a string of JSON. */
const HARMLESS_FILTERS: ReadonlySet<string> = new Set(['base64_encode', 'url_encode', 'cgi_escape', 'size', 'date']);

/** Names of the agent, which are DNS labels. */
const HARMLESS_VALUE = /^agent\.(namespace|name)$/;

/** A value that a template inserts between quotes. */
export interface QuotedValue {
  /** Line and column in words. */
  readonly position: string;
  /** As written in the template, at most 80 characters. */
  readonly text: string;
}

/**
 * The values that a template of JSON inserts inside a string, where a quote or a line break in them ends it: `"{{ output.text }}"`. Tags are passed over as if they wrote
 * nothing; the template has to parse.
 */
export function quotedValues(source: string): readonly QuotedValue[] {
  let isInside = false;
  const found: QuotedValue[] = [];
  for (const { kind, begin, end } of new Tokenizer(source).readTopLevelTokens()) {
    const text = source.slice(begin, end);
    if (kind === TokenKind.HTML) isInside = isInsideAfter(text, isInside);
    else if (kind === TokenKind.Output && isInside && !isHarmless(text.replace(/^\{\{-?\s*|\s*-?\}\}$/g, '')))
      found.push({ position: positionOf(source, begin), text: text.slice(0, 80) });
  }
  return found;
}

/** Whether a string is open behind a piece of JSON. */
function isInsideAfter(json: string, isInside: boolean): boolean {
  // Escapes first, so that an escaped quote ends nothing.
  const quotes = json.replaceAll(/\\./gs, '').split('"').length - 1;
  return quotes % 2 === 0 ? isInside : !isInside;
}

function isHarmless(value: string): boolean {
  if (HARMLESS_VALUE.test(value)) return true;
  const last = new Tokenizer(value).readFilteredValue().filters.at(-1);
  return last !== undefined && HARMLESS_FILTERS.has(last.name);
}
