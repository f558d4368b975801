import { microTime } from './micro-time.ts';
import { apiVersionOf, type ObjectHead, type ObjectMeta, resources } from './resources.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export interface LeaseSpec {
  /** Empty or none: nobody holds it. */
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  /** How often the holder has changed. */
  readonly leaseTransitions?: number | null;
}

/** A Lease. */
export interface Lease extends ObjectHead {
  readonly spec?: LeaseSpec;
}

/** A Lease that nobody had before, held from `nowMs` (since the epoch) on. */
export function firstLease(metadata: ObjectMeta, identity: string, leaseSeconds: number, nowMs: number): Lease {
  const { leases } = resources;
  const spec = taken(undefined, identity, leaseSeconds, nowMs);
  return { apiVersion: apiVersionOf(leases), kind: leases.kind, metadata, spec };
}

/** What the Lease says once `identity` holds it, or holds it still. */
export function heldLease(lease: Lease, identity: string, leaseSeconds: number, nowMs: number): Lease {
  const { spec = {} } = lease;
  return {
    ...lease,
    spec: { ...spec, ...(spec.holderIdentity === identity ? renewed(leaseSeconds, nowMs) : taken(spec, identity, leaseSeconds, nowMs)) },
  };
}

/** What the Lease says once its holder has given it up: the next taker need not wait. */
export function releasedLease(lease: Lease, nowMs: number): Lease {
  return { ...lease, spec: { ...lease.spec, holderIdentity: '', ...renewed(1, nowMs) } };
}

function renewed(leaseSeconds: number, nowMs: number): LeaseSpec {
  return { leaseDurationSeconds: leaseSeconds, renewTime: microTime(nowMs) };
}

function taken(before: LeaseSpec | undefined, identity: string, leaseSeconds: number, nowMs: number): LeaseSpec {
  return {
    holderIdentity: identity,
    acquireTime: microTime(nowMs),
    leaseTransitions: before === undefined ? 0 : (before.leaseTransitions ?? 0) + 1,
    ...renewed(leaseSeconds, nowMs),
  };
}
