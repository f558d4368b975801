import { APPLIED_ANNOTATION, contentHash, labelNames, MANAGER } from '../api/kube-names.ts';
import type { KubeClient } from '../kube/client.ts';
import { differs } from '../kube/differs.ts';
import type { KubeObject, ObjectHead, Resource } from '../kube/resources.ts';

/** The field manager of everything that the operator applies. */
export const FIELD_MANAGER = 'eventagent';

/** What came of applying an object. */
export type Applied =
  /** Nothing was to be done. */
  | { readonly did: 'nothing' }
  /** Written; `repaired`: it was not as it had been applied before. */
  | { readonly did: 'apply'; readonly repaired: boolean; readonly object: ObjectHead }
  /** An object of that name belongs to somebody else and was left alone. */
  | { readonly did: 'leave' };

/** Applies objects of ours, and only where that changes something. */
export class Applier {
  readonly #kube: Pick<KubeClient, 'get' | 'apply'>;
  /** Versions that an apply did not change, though they seem to differ: the API server has its own way to write them. By what was applied to what. */
  readonly #asGoodAs = new Map<string, string>();

  constructor(kube: Pick<KubeClient, 'get' | 'apply'>) {
    this.#kube = kube;
  }

  /**
   * Brings an object to what is desired, if anything of it is other. `live` is what the cache has. An object that is not in the cache is looked for once before
   * it is made: one of that name that is not ours belongs to somebody else. Rejects with `KubeError`.
   */
  async apply(resource: Resource, desired: KubeObject, live: ObjectHead | undefined, signal: AbortSignal): Promise<Applied> {
    const { namespace, name } = desired.metadata;
    const hash = contentHash(JSON.stringify(desired));
    const whole = withAnnotation(desired, hash);
    const known = live ?? (await this.#kube.get(resource, namespace, name, signal));
    if (known !== undefined && !isOurs(known, desired)) return { did: 'leave' };
    const isSame = known?.metadata.annotations?.[APPLIED_ANNOTATION] === hash;
    if (isSame && known !== undefined && !differs(whole, known)) return { did: 'nothing' };
    const key = `${resource.plural}/${namespace}/${name}/${hash}`;
    const version = known?.metadata.resourceVersion;
    if (version !== undefined && this.#asGoodAs.get(key) === version) return { did: 'nothing' };
    const object = await this.#kube.apply(resource, whole, { fieldManager: FIELD_MANAGER }, signal);
    if (version !== undefined && object.metadata.resourceVersion === version) {
      this.#asGoodAs.set(key, version);
      return { did: 'nothing' };
    }
    this.#asGoodAs.delete(key);
    return { did: 'apply', repaired: isSame, object };
  }
}

/** By its label, or where somebody has taken that away by its owner, or by what we left on it. */
function isOurs({ metadata }: ObjectHead, desired: KubeObject): boolean {
  const owner = desired.metadata.ownerReferences?.[0]?.uid;
  return (
    metadata.labels?.[labelNames.managedBy] === MANAGER ||
    metadata.annotations?.[APPLIED_ANNOTATION] !== undefined ||
    (owner !== undefined && metadata.ownerReferences?.some(({ uid }) => uid === owner) === true)
  );
}

function withAnnotation(object: KubeObject, hash: string): KubeObject {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, [APPLIED_ANNOTATION]: hash } } };
}
