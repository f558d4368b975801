import type { Spread } from './pairs.ts';
import type { TimeByArea } from './profile.ts';

/** What one benchmark has to say, for its place in the document. */
export interface Section {
  readonly name: string;
  /** Markdown. */
  readonly text: string;
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A number with as many digits as it can bear: three significant ones, and none behind the point above 100. */
export function plainText(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** The middle and both ends. */
export function spreadText({ median, min, max }: Spread): string {
  return `${plainText(median)} (${plainText(min)}–${plainText(max)})`;
}

/** A ratio, to the hundredth, with both ends; where there is an aim that it misses, it says so. */
export function ratioText({ median, min, max }: Spread, aim = 0): string {
  const missed = Number(median.toFixed(2)) < aim ? ', misses the aim' : '';
  return `**${median.toFixed(2)}** (${min.toFixed(2)}–${max.toFixed(2)})${missed}`;
}

/** The areas of a profile with at least a fiftieth of the time, largest first. */
export function shareText(profile: TimeByArea): string {
  const total = Object.values(profile).reduce((sum, ms) => sum + ms, 0);
  return Object.entries(profile)
    .filter(([, ms]) => ms / total >= 0.02)
    .sort(([, a], [, b]) => b - a)
    .map(([area, ms]) => `${area} ${((ms / total) * 100).toFixed(0)} %`)
    .join(', ');
}

/** Puts a section into the document in the place of the one of that name; everything else in it stays. Throws where the document has no place for it. */
export function withSection(document: string, { name, text }: Section): string {
  const begin = `<!-- bench:${name} -->`;
  const end = `<!-- /bench:${name} -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the document has no place for ${name}: it is to stand between ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
}
