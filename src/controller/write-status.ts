import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/kube-error.ts';
import type { ObjectHead, Resource } from '../kube/resources.ts';

/** A field manager of its own: what a status states never mixes with what is applied to other objects. */
const STATUS_MANAGER = 'eventagent-status';

/** Writes the status of an object; what the API server has then, `undefined` where the object is gone meanwhile. Rejects with `KubeError`. */
export async function writeStatus<T extends ObjectHead>(
  kube: Pick<KubeClient, 'apply'>,
  resource: Resource,
  { apiVersion, kind, metadata: { namespace, name, uid } }: T,
  status: object,
  signal: AbortSignal,
): Promise<T | undefined> {
  // The uid keeps an object of the same name that was made meanwhile from getting this one's status.
  const object = {
    apiVersion,
    kind,
    metadata: { ...(namespace === undefined ? {} : { namespace }), name, ...(uid === undefined ? {} : { uid }) },
    status,
  };
  try {
    return await kube.apply<T>(resource, object, { fieldManager: STATUS_MANAGER, subresource: 'status' }, signal);
  } catch (error) {
    if (error instanceof KubeError && error.code === 'NotFound') return undefined;
    throw error;
  }
}
