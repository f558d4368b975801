import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { STUB_KEY } from './claude-stub.ts';

/** The folder of the samples. */
export const SAMPLES = join(import.meta.dirname, '../../config/samples');

/** A document of a sample, as far as a test changes it. */
interface SampleDocument {
  readonly kind: string;
  readonly spec?: {
    readonly agent: object;
    readonly outputs: readonly { readonly name: string; readonly http: { readonly url: string } }[];
  };
}

/** Where a copy leads instead of to the provider and to the outputs of the sample. */
export interface SampleTargets {
  readonly claudeUrl: string;
  /** Path and query of each output's URL stay; without it the outputs stay as they are. */
  readonly sinkUrl?: string;
  /** Secrets that the sample leaves to its user, by name. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A copy of a sample, with the stub's key, that goes when it is disposed of. Nothing else of the sample is changed. */
export async function sampleCopy(name: string, targets: SampleTargets): Promise<AsyncDisposable & { readonly file: string }> {
  const text = await readFile(join(SAMPLES, name), 'utf8');
  const documents = parseAllDocuments(text).map((document) => document.toJS() as SampleDocument);
  const secrets = { anthropic: { 'api-key': STUB_KEY }, ...targets.secrets };
  const added = Object.entries(secrets).map(([secret, stringData]) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secret, namespace: 'platform' },
    stringData,
  }));
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-sample-'));
  const file = join(folder, name);
  await writeFile(
    file,
    [...documents.map((document) => led(document, targets)), ...added].map((document) => `---\n${stringify(document)}`).join(''),
  );
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

function led(document: SampleDocument, { claudeUrl, sinkUrl }: SampleTargets): object {
  const { spec } = document;
  if (document.kind !== 'EventAgent' || spec === undefined) return document;
  const outputs = spec.outputs.map(({ name, http }) => ({
    name,
    http: sinkUrl === undefined ? http : { ...http, url: redirected(http.url, sinkUrl), allowedHosts: [new URL(sinkUrl).host] },
  }));
  return { ...document, spec: { ...spec, agent: { ...spec.agent, baseUrl: claudeUrl }, outputs } };
}

/** The URL with another origin; a URL that is a value of the event as a whole is kept, and the event has to carry the other one. */
function redirected(url: string, origin: string): string {
  return url.replace(/^https:\/\/[^/]+/, origin);
}
