import Anthropic from '@anthropic-ai/sdk';
import { httpFetch } from '../lib/http-fetch.ts';

/** Where the provider is, unless an agent says otherwise. */
export const PUBLIC_BASE_URL = 'https://api.anthropic.com';

/** The version of the Messages API that this code was written for. https://platform.claude.com/docs/en/api/versioning */
const API_VERSION = '2026-10-21';

/** What a client is made of; nothing else has a say. */
export interface ClientOptions {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly userAgent?: string;
  /** How long the headers of an answer may take. */
  readonly timeoutMs: number;
}

/**
 * A client of the SDK that repeats nothing, logs nothing, follows no redirect, and takes nothing from the process's environment:
 * the SDK itself reads `ANTHROPIC_BASE_URL`, `ANTHROPIC_CUSTOM_HEADERS` (which may even replace the key) and several more.
 */
export function anthropicClient(options: ClientOptions): Anthropic {
  return new Anthropic({
    apiKey: options.apiKey,
    baseURL: options.baseUrl,
    webhookKey: null,
    maxRetries: 0,
    timeout: options.timeoutMs,
    logLevel: 'off',
    openTelemetry: false,
    // Last in the SDK's order of headers, so that these win over any of the environment's.
    defaultHeaders: {
      Authorization: `Bearer ${options.apiKey}`,
      'anthropic-version': API_VERSION,
      ...(options.userAgent === undefined ? {} : { 'User-Agent': options.userAgent }),
    },
    fetch: exactFetch,
  });
}

/** Sends the SDK's own headers alone. */
function exactFetch(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const headers = new Headers(init?.headers);
  for (const name of [...headers.keys()]) if (!isOwnHeader(name)) headers.delete(name);
  return httpFetch(url, { ...init, headers });
}

const OWN_HEADERS: ReadonlySet<string> = new Set(['accept', 'anthropic-version', 'authorization', 'content-type', 'user-agent']);

function isOwnHeader(name: string): boolean {
  return OWN_HEADERS.has(name) || name.startsWith('x-stainless-');
}
