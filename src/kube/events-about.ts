import type { KubeClient } from './client.ts';
import type { EventView } from './pod-trouble.ts';
import { type ObjectHead, resources } from './resources.ts';

/** An event with its times. */
type StoredEvent = ObjectHead &
  EventView & {
    readonly eventTime?: string;
    readonly deprecatedLastTimestamp?: string;
    readonly series?: { readonly lastObservedTime?: string };
  };

/** The events about an object of this name, the newest first; none where they cannot be had. Never rejects. */
export async function eventsAbout(
  kube: Pick<KubeClient, 'list'>,
  namespace: string | undefined,
  name: string,
  signal: AbortSignal,
): Promise<readonly EventView[]> {
  const options = { ...(namespace === undefined ? {} : { namespace }), fieldSelector: `regarding.name=${name}` };
  const found = await kube.list<StoredEvent>(resources.events, options, signal).catch(() => undefined);
  return (found?.items ?? []).toSorted((a, b) => (lastSeen(a) < lastSeen(b) ? 1 : -1));
}

function lastSeen({ series, deprecatedLastTimestamp, eventTime, metadata }: StoredEvent): string {
  return series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
}
