/**
 * Whether the host of an http or https URL is among those listed, each `host` or `host:port` in lower case. An entry without a port means the port that the URL's scheme has by
 * itself, which an entry may also write out; `URL` leaves it out of its `host`. https://url.spec.whatwg.org/#default-port
 */
export function isListedHost(url: URL, hosts: readonly string[]): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return hosts.includes(url.host) || hosts.includes(`${url.hostname}:${port}`);
}
