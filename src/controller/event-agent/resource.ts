import type { EventAgent } from '../../api/generated/event-agent.ts';
import type { ObjectMeta } from '../../kube/resources.ts';

/** An EventAgent as the API server has it: defaults applied, and with all its metadata. */
export type StoredEventAgent = Omit<EventAgent, 'metadata'> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta & EventAgent['metadata'];
};

/** Whether it is on its way out. */
export function isDeleting({ metadata }: StoredEventAgent): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** The older first; two of one second by their names. */
export function byAge(a: StoredEventAgent, b: StoredEventAgent): number {
  const [one, other] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (one !== other) return one < other ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
