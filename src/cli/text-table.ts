import { visible } from '../lib/visible.ts';

/** Lines of a table for people: columns as wide as their widest cell, the last one as long as it is. No cell can begin a line of its own. */
export function textTable(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(visible));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '));
}

/** A text that is cut for a table. */
export function cut(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** A time of the clock for people, in UTC; a dash where nobody knows it. `at` in milliseconds since the epoch. */
export function instant(at: number | undefined): string {
  return at === undefined ? '-' : `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** A number and what it counts. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
