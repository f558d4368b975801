import { readFile } from 'node:fs/promises';
import type { Cluster } from './kubernetes.ts';

/** A write that an API server has answered, as its audit log tells of it (audit.k8s.io/v1, level Metadata). */
export interface AuditedWrite {
  readonly verb: 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

/** The writes to a namespace so far, in their order. Each is in the log before its answer leaves the server. */
export async function auditedWrites(cluster: Cluster, namespace: string): Promise<readonly AuditedWrite[]> {
  if (cluster.auditLog === undefined) throw new Error('this cluster has no audit log that could be read');
  const text = await readFile(cluster.auditLog, 'utf8');
  // The last line may be half written: somebody else's write.
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as AuditedWrite).filter(({ objectRef }) => objectRef?.namespace === namespace);
}
