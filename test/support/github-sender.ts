import { githubDelivery } from './github-delivery.ts';
import { WEBHOOK_SECRET } from './review-agent.ts';

/** Sends one delivery to the reviewing agent, as GitHub would. The status, or 0 where nobody answered. */
export async function deliver(
  gatewayUrl: string,
  id: string,
  body: object = { title: `change ${id}` },
  path = '/reviewer/github',
): Promise<number> {
  const { headers, body: bytes } = githubDelivery(WEBHOOK_SECRET, 'pull_request', JSON.stringify(body), id);
  try {
    const response = await fetch(`${gatewayUrl}${path}`, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: String(bytes),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}
