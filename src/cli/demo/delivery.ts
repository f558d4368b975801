import { GITHUB_SIGNATURE_HEADER, githubSignature } from '../../gateway/verify/github.ts';
import { messageOf } from '../../lib/errors.ts';
import { DemoFailed } from './dev-child.ts';

/** A webhook that GitHub calls, and the secret that it signs with. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

/** Sends a `pull_request` delivery as GitHub does. Gives what the gateway said; rejects with `DemoFailed` unless it took the event. */
export async function deliver(webhook: Webhook, id: string, body: Buffer): Promise<{ readonly id: string; readonly tookMs: number }> {
  const startedAt = performance.now();
  let response: Response;
  try {
    response = await fetch(webhook.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'GitHub-Hookshot/demo',
        'x-github-delivery': id,
        'x-github-event': 'pull_request',
        [GITHUB_SIGNATURE_HEADER]: githubSignature(webhook.secret, body),
      },
      body: new Uint8Array(body),
    });
  } catch (cause) {
    throw new DemoFailed('WentWrong', `${webhook.url} does not answer: ${messageOf(cause)}`, { cause });
  }
  const answer = (await response.json()) as { readonly id?: string; readonly error?: string };
  if (response.status !== 202 || answer.id === undefined)
    throw new DemoFailed('WentWrong', `${webhook.url} answered ${response.status} instead of 202: ${answer.error ?? 'no reason given'}`);
  return { id: answer.id, tookMs: Math.round(performance.now() - startedAt) };
}

/** The command by which a person sends the same delivery, with an id of its own each second. */
export function deliveryCommand(webhook: Webhook, file: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    `body=${quoted(file)}; curl -sS ${quoted(webhook.url)} --data-binary @"$body" \\`,
    `  -H 'Content-Type: application/json' -H 'X-GitHub-Event: pull_request' -H "X-GitHub-Delivery: by-hand-$(date +%s)" \\`,
    `  -H "X-Hub-Signature-256: sha256=$(openssl dgst -sha256 -hmac ${quoted(webhook.secret)} < "$body" | sed 's/^.* //')"`,
  ].join('\n');
}
