import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '../lib/errors.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { isJsonObject } from '../lib/json-object.ts';
import { parseSecret, type SecretDocument } from './secret-document.ts';
import { parseYamlDocuments, type YamlDocument } from './yaml-documents.ts';

/** What the given files hold. Resources of our own kinds are not validated yet. */
export interface Manifests {
  readonly agents: readonly YamlDocument[];
  readonly schedules: readonly YamlDocument[];
  readonly redrives: readonly YamlDocument[];
  readonly secrets: readonly SecretDocument[];
  /**
   * What is wrong with the others, each with file and line: `InputError` `FileUnreadable`, `NotYaml`, or `InvalidResource` for a document of another kind, a broken
   * Secret, or a resource that is given twice.
   */
  readonly problems: readonly InputError[];
  /** That the subfolders of a folder were not looked at, a line each. */
  readonly passedOver: readonly string[];
}

/** The API server takes no request above 3 MiB; a file holds several. */
const MAX_FILE_BYTES = 16_777_216;

/** Reads files, and of folders the *.yaml and *.yml directly in them, by name. What is wrong with one hides nothing of the others. */
export function readManifests(paths: readonly string[]): Manifests {
  const problems: InputError[] = [];
  const noting = <T>(read: () => readonly T[]): readonly T[] => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error);
      return [];
    }
  };
  const contents = paths.flatMap((path) => noting(() => [contentOf(path, paths)]));
  const files = contents.flatMap((content) => content.files);
  const texts = files.flatMap((file) => noting(() => [parseYamlDocuments(textOf(file), file)]));
  problems.push(...texts.flatMap((text) => text.problems));
  const agents: YamlDocument[] = [];
  const schedules: YamlDocument[] = [];
  const redrives: YamlDocument[] = [];
  const secrets: SecretDocument[] = [];
  for (const document of texts.flatMap(({ documents }) => documents)) {
    const { value } = document;
    const { apiVersion, kind } = isJsonObject(value) ? value : {};
    if (apiVersion === 'eventagent.dev/v1alpha1' && kind === 'EventAgent') agents.push(document);
    else if (apiVersion === 'eventagent.dev/v1alpha1' && kind === 'AgentSchedule') schedules.push(document);
    else if (apiVersion === 'eventagent.dev/v1alpha1' && kind === 'DeadLetterRedrive') redrives.push(document);
    else if (isJsonObject(value) && apiVersion === 'v1' && kind === 'Secret') secrets.push(...noting(() => [parseSecret(document, value)]));
    else problems.push(strange(document, apiVersion, kind));
  }
  problems.push(
    ...givenTwice('EventAgent', agents.flatMap(identified)),
    ...givenTwice('AgentSchedule', schedules.flatMap(identified)),
    ...givenTwice('DeadLetterRedrive', redrives.flatMap(identified)),
    ...givenTwice('Secret', secrets),
  );
  return { agents, schedules, redrives, secrets, problems, passedOver: contents.flatMap((content) => content.passedOver) };
}

const isManifest = (name: string) => /\.ya?ml$/.test(name);

/** The manifests of a folder, and what is said of its subfolders that are not among the given paths; those with a dot in front are nobody's manifests. */
function contentOf(path: string, given: readonly string[]): { readonly files: readonly string[]; readonly passedOver: readonly string[] } {
  try {
    if (!statSync(path).isDirectory()) return { files: [path], passedOver: [] };
    const all = readdirSync(path).sort();
    const names = all.filter(isManifest);
    const known = new Set(given.map((other) => resolve(other)));
    const folders = all.filter(
      (name) => !isManifest(name) && !name.startsWith('.') && isFolder(join(path, name)) && !known.has(resolve(path, name)),
    );
    const unseen = folders.length === 0 ? undefined : unseenText(folders);
    if (names.length === 0)
      throw new InputError('FileUnreadable', `${path}: no *.yaml or *.yml in this directory${unseen === undefined ? '' : `; ${unseen}`}`);
    return { files: names.map((name) => join(path, name)), passedOver: unseen === undefined ? [] : [`${path}: ${unseen}`] };
  } catch (cause) {
    throw cause instanceof InputError ? cause : unreadable(path, cause);
  }
}

function unseenText(folders: readonly string[]): string {
  return folders.length === 1
    ? `its subfolder ${folders[0]} is not looked at: give it, too, if it holds manifests`
    : `its subfolders ${folders.join(', ')} are not looked at: give those, too, that hold manifests`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function textOf(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES)
      throw new InputError('FileUnreadable', `${file}: ${size} bytes are too many for a manifest, at most ${MAX_FILE_BYTES} are read`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw cause instanceof InputError ? cause : unreadable(file, cause);
  }
}

function unreadable(path: string, cause: unknown): InputError {
  return new InputError('FileUnreadable', `${path}: ${fileProblem(cause)}`, { cause });
}

function strange(document: YamlDocument, apiVersion: unknown, kind: unknown): InputError {
  const where = `${document.file}:${document.line}`;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string')
    return new InputError('InvalidResource', `${where}: not a Kubernetes resource: apiVersion and kind are missing`);
  return new InputError(
    'InvalidResource',
    `${where}: ${kind} of ${apiVersion} is not read here: only EventAgent, AgentSchedule and DeadLetterRedrive of eventagent.dev/v1alpha1, and Secret of v1`,
  );
}

interface Identified {
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** An agent or a schedule whose metadata can be read; what cannot is the validation's matter. */
function identified({ value, file, line }: YamlDocument): readonly Identified[] {
  const metadata = isJsonObject(value) && isJsonObject(value.metadata) ? value.metadata : {};
  const { name, namespace } = metadata;
  return typeof name === 'string'
    ? [{ name, namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default', file, line }]
    : [];
}

function givenTwice(kind: string, resources: readonly Identified[]): readonly InputError[] {
  const first = new Map<string, Identified>();
  return resources.flatMap((resource) => {
    const id = `${resource.namespace}/${resource.name}`;
    const other = first.get(id);
    if (other === undefined) first.set(id, resource);
    return other === undefined
      ? []
      : [
          new InputError(
            'InvalidResource',
            `${resource.file}:${resource.line}: ${kind} ${id} is given twice, first in ${other.file}:${other.line}`,
          ),
        ];
  });
}
