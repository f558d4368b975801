import { styleText } from 'node:util';
import type { Terminal } from '../terminal.ts';

/** How the demo writes: indented lines, with colours where somebody sees them. */
export interface Page {
  heading(text: string): void;
  /** A line of its own; an empty one where nothing is given. */
  line(text?: string): void;
  /** Something that went as it should. */
  good(text: string): void;
  /** Something that ended in the dead-letter queue. */
  bad(text: string): void;
  /** Names and values, one a line, aligned. */
  facts(facts: readonly (readonly [name: string, value: string])[]): void;
  /** A text of somebody else's, set apart; at most `maxLines` of it. */
  quote(text: string, maxLines?: number): void;
}

/** Lines of a quote are broken at blanks before this many characters. */
const QUOTE_WIDTH = 96;

/** A page on a terminal. */
export function createPage(terminal: Terminal, colours: boolean): Page {
  const style = (format: 'bold' | 'dim' | 'green' | 'red' | 'cyan', text: string) =>
    colours ? styleText(format, text, { validateStream: false }) : text;
  const line = (text = '') => terminal.out(text === '' ? '' : `  ${text}`);
  return {
    line,
    heading: (text) => terminal.out(`\n${style('bold', text)}`),
    good: (text) => line(`${style('green', '✔')} ${text}`),
    bad: (text) => line(`${style('red', '✖')} ${text}`),
    facts(facts) {
      const width = Math.max(...facts.map(([name]) => name.length));
      for (const [name, value] of facts) line(`  ${style('dim', name.padEnd(width))}  ${value}`);
    },
    quote(text, maxLines = Number.POSITIVE_INFINITY) {
      const lines = text.trimEnd().split('\n').flatMap(wrapped);
      for (const part of lines.slice(0, maxLines)) line(`  ${style('cyan', '│')} ${part}`.trimEnd());
      if (lines.length > maxLines) line(`  ${style('cyan', '│')} ${style('dim', `… ${lines.length - maxLines} more lines`)}`);
    },
  };
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > QUOTE_WIDTH) {
    const blank = rest.lastIndexOf(' ', QUOTE_WIDTH);
    const end = blank > 0 ? blank : QUOTE_WIDTH;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
