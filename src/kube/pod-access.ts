import { access, readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { InputError } from '../lib/errors.ts';
import type { KubeAccess } from './access.ts';
import { remembered } from './remembered.ts';

/** Where the kubelet puts a service account. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api */
export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubelet renews a token when a fifth of its life is left, at least two minutes; client-go, too, looks once a minute. */
const KEEP_MS = 60_000;

/** What a pod is told of its cluster. */
export interface PodEnvironment {
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
  readonly KUBERNETES_SERVICE_PORT?: string | undefined;
}

/** Whether this process runs in a pod that has a service account. */
export async function isInPod(environment: PodEnvironment, dir = SERVICE_ACCOUNT_DIR): Promise<boolean> {
  if (!environment.KUBERNETES_SERVICE_HOST || !environment.KUBERNETES_SERVICE_PORT) return false;
  return access(join(dir, 'token')).then(
    () => true,
    () => false,
  );
}

/**
 * The API server as the service account of this pod. It needs so little that the client library, which takes half a second and 60 MB for its generated models, stays out of pods;
 * a test holds it to what the library would do.
 */
export async function podAccess(environment: PodEnvironment, clock: Clock, dir = SERVICE_ACCOUNT_DIR): Promise<KubeAccess> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port)
    throw new InputError(
      'Usage',
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod of a Kubernetes cluster',
    );
  const read = async (file: string): Promise<string> => {
    try {
      return await readFile(join(dir, file), 'utf8');
    } catch (cause) {
      throw new InputError('FileUnreadable', `the service account's ${file} cannot be read from ${dir}`, { cause });
    }
  };
  const credentials = remembered(clock, KEEP_MS, async () => {
    const [ca, token] = await Promise.all([read('ca.crt'), read('token')]);
    return { tls: { ca }, headers: { authorization: `Bearer ${token.trim()}` } };
  });
  const namespace = (await read('namespace')).trim();
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace,
    credentials: credentials.get,
    refused: credentials.forget,
  };
}
