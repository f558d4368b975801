import { InputError } from './errors.ts';

/**
 * Takes the URL of a server apart. Throws `InputError` (`Usage`) that begins with `label`, shows the form that is wanted, and never quotes the URL, which holds a password.
 * `protocols` end with a colon, as `URL` has them.
 */
export function parseServerUrl(label: string, text: string, protocols: readonly string[], form: string): URL {
  const url = URL.parse(text);
  if (url === null || !protocols.includes(url.protocol) || url.hostname === '')
    throw new InputError('Usage', `${label}: not a URL of the form ${form}`);
  for (const part of [url.username, url.password, url.pathname]) {
    try {
      decodeURIComponent(part);
    } catch (cause) {
      throw new InputError('Usage', `${label}: a % in the URL begins no escape: write a % of a user, password or name as %25`, { cause });
    }
  }
  return url;
}
