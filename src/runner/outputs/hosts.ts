import { isListedHost } from '../../lib/host-list.ts';

/** A URL that an output may not be sent to. The message names the host, never the rest of the URL. */
export class HostNotAllowed extends Error {}

/**
 * The URL of an output, checked: http or https, no user or password in it, and its host (with the port, where it is not the scheme's own)
 * among `allowedHosts`. Throws `HostNotAllowed`.
 */
export function allowedUrl(rendered: string, allowedHosts: readonly string[]): URL {
  let url: URL;
  try {
    url = new URL(rendered);
  } catch {
    throw new HostNotAllowed('the rendered URL is not an absolute URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new HostNotAllowed('the rendered URL is neither an https: nor an http: URL');
  if (url.username !== '' || url.password !== '') throw new HostNotAllowed(`the URL of host ${url.host} carries a user or password`);
  if (!isListedHost(url, allowedHosts)) throw new HostNotAllowed(`host ${url.host} is not among allowedHosts`);
  return url;
}
