import type { DeadLetterRedrive } from '../../api/generated/dead-letter-redrive.ts';
import type { ObjectMeta } from '../../kube/resources.ts';

/** A DeadLetterRedrive as the API server has it: defaults applied, and with all its metadata. */
export type StoredDeadLetterRedrive = Omit<DeadLetterRedrive, 'metadata'> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta & DeadLetterRedrive['metadata'];
};
