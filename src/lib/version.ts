import { readFileSync } from 'node:fs';

/** The version of this installation, from its `package.json`: the only place that holds it. */
export const version: string = String(
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: unknown }).version,
);

/** How we introduce ourselves to HTTP servers. */
export const USER_AGENT = `eventagent/${version}`;
