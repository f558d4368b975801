import type { ReviewAgent, ReviewGroup, ReviewReport } from '../../dead-letters/review-report.ts';
import { visible, visibleJson } from '../../lib/visible.ts';
import { counted, cut, cutId, instant, textTable } from '../text-table.ts';

/** Forms of a report. */
export const reviewFormats = ['text', 'markdown', 'json'] as const;

/** A form of a report. */
export type ReviewFormat = (typeof reviewFormats)[number];

/** A report as lines of its form. */
export function reviewLines(report: ReviewReport, format: ReviewFormat): readonly string[] {
  switch (format) {
    case 'json':
      return [visibleJson(report)];
    case 'text':
      return [title(report), ...report.agents.flatMap((agent) => ['', headOf(agent), ...textTable(rowsOf(agent, report))])];
    case 'markdown':
      return [
        `# ${title(report)}`,
        ...report.agents.flatMap((agent) => ['', `## ${headOf(agent)}`, '', ...markdownTable(rowsOf(agent, report))]),
      ];
    default:
      return format satisfies never;
  }
}

function title({ generatedAt, since }: ReviewReport): string {
  return `Dead letters at ${generatedAt}${since === undefined ? '' : `, compared with ${since}`}`;
}

function headOf({ agent, deadLetters, unseen }: ReviewAgent): string {
  return `${agent}: ${counted(deadLetters, 'dead letter')}${unseen === undefined ? '' : `, and ${unseen} not seen: somebody else looked at them`}`;
}

/** A table with its heading, or nothing where there is nothing to tell. */
function rowsOf({ groups }: ReviewAgent, { since }: ReviewReport): readonly (readonly string[])[] {
  if (groups.length === 0) return [];
  const change = since === undefined ? [] : ['ARRIVED', 'GONE', 'TREND'];
  return [['FINGERPRINT', 'COUNT', ...change, 'OLDEST', 'REASON', 'EXAMPLE', 'ERROR'], ...groups.map(rowOf)];
}

function rowOf({ fingerprint, count, since, oldestAt, reason, exampleId, error }: ReviewGroup): readonly string[] {
  const change = since === undefined ? [] : [String(since.arrived), String(since.gone), since.trend];
  const oldest = instant(oldestAt === undefined ? undefined : Date.parse(oldestAt));
  return [fingerprint, String(count), ...change, oldest, reason, exampleId === undefined ? '-' : cutId(exampleId), cut(error)];
}

function markdownTable(rows: readonly (readonly string[])[]): readonly string[] {
  const [head, ...rest] = rows;
  if (head === undefined) return ['None.'];
  return [markdownRow(head), markdownRow(head.map(() => '---')), ...rest.map(markdownRow)];
}

/** What Markdown or HTML would take for a sign of theirs is escaped: errors and ids come from events, too. */
function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => (cell === '---' ? cell : visible(cell).replaceAll(/[\\`*_{}[\]<>()#!|~&]/g, '\\$&'))).join(' | ')} |`;
}
