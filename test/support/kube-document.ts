import { parseAllDocuments } from 'yaml';

/** An object of Kubernetes in a manifest, with fields that nobody has given a type. */
export interface KubeDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The objects of a manifest, in their order. Throws where it is not YAML. */
export function documentsOf(manifest: string): readonly KubeDocument[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.join('\n'));
    const value = document.toJS() as KubeDocument | null;
    return value === null ? [] : [value];
  });
}
