import { visible } from '../lib/visible.ts';

/** Lines of a table for people: columns as wide as their widest cell, the last one as long as it is. No cell can begin a line of its own. */
export function textTable(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(visible));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '));
}

/** A text that is cut for a table, by the characters that are seen. */
export function cut(text: string, most = 120): string {
  const seen = visible(text);
  return seen.length > most ? `${seen.slice(0, most - 1)}…` : seen;
}

/** The id of an event for a table that goes on behind it. A digest in hex is whole. */
export function cutId(id: string): string {
  return cut(id, 64);
}

/** A time of the clock for people, in UTC; a dash where nobody knows it. `at` in milliseconds since the epoch. */
export function instant(at: number | undefined): string {
  return at === undefined ? '-' : `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** A number and what it counts. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
