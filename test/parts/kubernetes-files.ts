import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The files of a control plane in its folder. */
export interface ControlPlaneFiles {
  readonly folder: string;
  /** Made by the API server: its certificate and that of the authority that signed it. */
  readonly caFile: string;
  readonly tokens: string;
  readonly serviceAccountKey: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
  readonly kubeconfig: string;
}

/** Where a control plane keeps its files. */
export function controlPlaneFiles(folder: string): ControlPlaneFiles {
  return {
    folder,
    caFile: join(folder, 'certificates', 'apiserver.crt'),
    tokens: join(folder, 'tokens.csv'),
    serviceAccountKey: join(folder, 'service-account.key'),
    auditPolicy: join(folder, 'audit-policy.yaml'),
    auditLog: join(folder, 'audit.log'),
    kubeconfig: join(folder, 'kubeconfig'),
  };
}

/** Who wrote what, without what was written. Reads are not of interest. */
const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch, delete, deletecollection]
  - level: None
`;

/** Writes what an API server reads when it starts. The bearer of the token may do everything. */
export async function writeServerFiles(files: ControlPlaneFiles, token: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await mkdir(join(files.folder, 'certificates'));
  await writeFile(files.serviceAccountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.tokens, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  await writeFile(files.auditPolicy, AUDIT_POLICY);
}

/** Writes a kubeconfig that needs no other file and trusts the server's own authority, once the server has made that. */
export async function writeKubeconfig(files: ControlPlaneFiles, url: string, token: string): Promise<void> {
  const authority = (await readFile(files.caFile)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': authority } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin', namespace: 'default' } }],
    'current-context': 'test',
  };
  // JSON is YAML.
  await writeFile(files.kubeconfig, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
}
