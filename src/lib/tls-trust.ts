import { isIP } from 'node:net';
import tls from 'node:tls';
import { messageOf } from './errors.ts';

/** What a connection by TLS checks a server by, in the words of `tls.connect`. */
export interface TlsTrust {
  readonly ca: string | string[];
  /** For servers that serve several names at one address; an IP address is none (RFC 6066 section 3). */
  readonly servername?: string;
}

/**
 * Trusts servers whose certificate is for `host` and signed by `ca` (PEM), and no others. Without a `ca`: signed by one that Node, or the system that it runs on, trusts
 * (on Linux OpenSSL's files, or `SSL_CERT_FILE` and `SSL_CERT_DIR`).
 */
export function tlsTrust(host: string, ca: string | undefined): TlsTrust {
  return {
    ca: ca ?? [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])],
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
}

/** Errors of OpenSSL's that mean: signed by somebody else. https://docs.openssl.org/3.5/man1/openssl-verification-options */
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** What kept a connection from being made, in words that also say what is wrong with the server's certificate, where that is the cause. `ca`: whether one was given. */
export function connectFailure(error: unknown, ca: boolean): string {
  const message = messageOf(error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (UNTRUSTED.has(code)) {
    // Node adds advice that is none here: the system's own CAs have been asked, or another one was given.
    const [detail] = message.split('; if the root CA');
    const signer = ca ? 'not signed by the CA that was given for it' : 'signed by no CA that this system trusts, and none was given';
    return `its certificate is ${signer} (${detail})`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return `its certificate is out of date (${message})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is for another name (${message})`;
  if (code === 'EPROTO' || (typeof code === 'string' && code.startsWith('ERR_SSL_'))) return `no TLS can be spoken with it (${code})`;
  // Several addresses of one name were tried: the error of all of them together says nothing.
  if (message === '' && typeof code === 'string') return code;
  return message;
}
