import { KubeError } from '../kube/kube-error.ts';
import { bad, type Verdict } from './verdict.ts';

/**
 * What a failed change of objects means for a condition. A quota, an admission webhook or a policy is nothing that a repetition would mend; all else is tried again.
 * What is no failure of the API server's, such as the end of the process, is thrown on.
 */
export function refusalOf(error: unknown): Verdict {
  if (!(error instanceof KubeError)) throw error;
  const isRefused = error.code === 'Forbidden' || error.code === 'Invalid';
  return bad(isRefused ? 'PodsRefused' : 'ApplyFailed', error.message);
}
