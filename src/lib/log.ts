import { pino } from 'pino';

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

function textLine(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(msg)}${fields.length > 0 ? `  ${fields.join(' ')}` : ''}\n`;
}
