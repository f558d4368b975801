import { pino } from 'pino';
import { visible } from './visible.ts';

/** Keys of a log line. Never a payload, a prompt or a secret. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One structured line per call; the message is constant, what varies is in the fields. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log that adds these fields to each line. */
  child(fields: LogFields): Log;
}

/** How lines look: one JSON object each, or a short text for people. */
export type LogFormat = 'json' | 'text';

/** A log that writes each line to `write` as it comes. */
export function createLog(format: LogFormat, write: (line: string) => void): Log {
  const destination = { write: format === 'json' ? write : (line: string) => write(textLine(line)) };
  const options = {
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  };
  return wrap(pino(options, destination));
}

function wrap(logger: ReturnType<typeof pino>): Log {
  return {
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}

/** A log that keeps nothing. */
export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {}, child: () => silentLog };

/** Fields whose texts are for people to read, and have lines of their own. */
const BLOCKS: ReadonlySet<string> = new Set(['body', 'stack']);

/** What may stand bare: no blank, no quote, no equals sign, and nothing that cannot be seen. */
const BARE = /^[^\p{C}\p{Z}"=]+$/u;

/** A line for people. Values come from events, too: whatever they hold, they look like values, and begin no line. */
function textLine(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(([key, value]) => `${wordOf(key)}=${isBlock(key, value) ? '(below)' : wordOf(value)}`);
  const blocks = Object.entries(rest).flatMap(([key, value]) => (isBlock(key, value) ? linesOf(key, value) : []));
  const head = `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${visible(String(msg))}`;
  return `${[`${head}${fields.length > 0 ? `  ${fields.join(' ')}` : ''}`, ...blocks].join('\n')}\n`;
}

function isBlock(key: string, value: unknown): value is string {
  return BLOCKS.has(key) && typeof value === 'string';
}

function linesOf(key: string, text: string): readonly string[] {
  return text
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map((line) => `    ${key}| ${visible(line)}`.trimEnd());
}

function wordOf(value: unknown): string {
  return typeof value === 'string' && BARE.test(value) ? value : visible(JSON.stringify(value));
}
