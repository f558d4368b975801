import { CodedError } from '../../lib/errors.ts';

/** Why a command could not be run in a cluster to its end. */
export type InClusterCode = 'NoRunner' | 'NotStarted' | 'OutputLost';

/** A command could not be run in a cluster, or what it said did not come through. */
export class InCluster extends CodedError<InClusterCode> {}
