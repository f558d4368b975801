import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { managementAdmin } from '../../broker/management.ts';
import type { BrokerAdmin } from '../../broker/topology.ts';
import { InputError, messageOf } from '../../lib/errors.ts';

/** Names of the brokers that the operator has: one folder each, as the chart mounts their Secrets. Throws `InputError`. */
export function brokerNamesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
      .map(({ name }) => name);
  } catch (cause) {
    throw new InputError('FileUnreadable', `the brokers' folder ${folder} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/**
 * The management API of a broker by its mounted Secret: `management_url` (http or https), `username`, `password`, optionally `vhost` (default `/`) and `ca.crt`.
 * The function that comes back reads the Secret anew at each call and makes another client only when it has changed. It throws `InputError` naming the key.
 */
export function mountedAdmin(folder: string): () => BrokerAdmin {
  let made: { readonly of: string; readonly admin: BrokerAdmin } | undefined;
  return () => {
    const values = ['management_url', 'username', 'password', 'vhost', 'ca.crt'].map((key) => valueIn(folder, key));
    const of = JSON.stringify(values);
    if (made?.of !== of) made = { of, admin: adminOf(folder, values) };
    return made.admin;
  };
}

function adminOf(folder: string, [address, username, password, vhost = '/', ca]: readonly (string | undefined)[]): BrokerAdmin {
  const url = address === undefined ? undefined : (URL.parse(address) ?? undefined);
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new InputError(
      'InvalidResource',
      `the broker's Secret at ${folder} (chart value brokers names it; it is in the operator's namespace): ${address === undefined ? 'it is missing, or has no key management_url' : 'management_url must be of the form http://host:15672'}`,
    );
  if (username !== undefined) url.username = encodeURIComponent(username);
  if (password !== undefined) url.password = encodeURIComponent(password);
  if (url.username === '' || url.password === '')
    throw new InputError(
      'InvalidResource',
      `the broker's Secret at ${folder} needs username and password, in keys of their own or in management_url`,
    );
  return managementAdmin({ url: url.href.replace(/\/$/, ''), vhost, ...(ca === undefined ? {} : { ca }) });
}

function valueIn(folder: string, key: string): string | undefined {
  try {
    return readFileSync(join(folder, key), 'utf8').replace(/[\r\n]+$/, '') || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new InputError('FileUnreadable', `key ${key} of the broker's Secret at ${folder} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
