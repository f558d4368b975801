import { digest } from '../api/names.ts';

/** What differs between two errors of one cause: ids, numbers, times, quoted values. A status such as 404 does not: it is left. */
const VARYING = /"[^"]*"|'[^']*'|\b[0-9a-f]{8,}(-[0-9a-f]+)*\b|\b(?!\d{3}\b)\w*\d\w*\b/gi;

/** Twelve hex digits that are the same for errors of one cause and differ otherwise, whatever the ids, figures and times in them. */
export function fingerprintOf(reason: string, error: string): string {
  return digest(reason, error.replace(VARYING, '#')).slice(0, 12);
}
