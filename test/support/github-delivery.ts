import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { githubSignature } from '../../src/gateway/verify/github.ts';
import type { HttpRequest } from './http-exchange.ts';

/** A recorded payload and the name of its event. */
export interface GitHubExample {
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Every recorded payload of @octokit/webhooks-examples, of github.com and of each version of GitHub Enterprise Server. */
export function githubExamples(
  hosts: readonly string[] = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35'],
): readonly GitHubExample[] {
  return hosts.flatMap((host) => {
    const file = createRequire(import.meta.url).resolve(`@octokit/webhooks-examples/${host}/index.json`);
    const definitions = JSON.parse(readFileSync(file, 'utf8')) as readonly {
      readonly name: string;
      readonly examples: readonly GitHubExample['payload'][];
    }[];
    return definitions.flatMap(({ name, examples }) => examples.map((payload) => ({ event: name, payload })));
  });
}

/** A delivery as GitHub sends it. */
export function githubDelivery(
  secret: string,
  event: string,
  body: string | Buffer,
  id = '72d3162e-cc78-11e3-81ab-4c9367dc0958',
): HttpRequest {
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-delivery': id,
      'x-github-event': event,
      'x-hub-signature-256': githubSignature(secret, body),
    },
    body,
  };
}
