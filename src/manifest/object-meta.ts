import { hasOwn, isJsonObject, type JsonObject } from '../lib/json-object.ts';
import { type FieldError, invalid, required, unknownField, wrongType } from './field-error.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
const known: ReadonlySet<string> = new Set([
  'annotations',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'labels',
  'managedFields',
  'name',
  'namespace',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;

/** What Kubernetes says against a namespaced object's metadata, in its words. The values of labels and annotations are the API server's matter, their type is checked. */
export function objectMetaErrors(metadata: unknown): readonly FieldError[] {
  if (metadata === undefined) return [required(['metadata', 'name'])].map(named);
  if (!isJsonObject(metadata)) return [wrongType(['metadata'], 'object', Array.isArray(metadata) ? 'array' : typeof metadata)];
  return [
    ...Object.keys(metadata).flatMap((key) => (known.has(key) ? [] : [unknownField(['metadata', key])])),
    ...nameErrors(metadata),
    ...namespaceErrors(metadata),
    ...['labels', 'annotations'].flatMap((field) => textMapErrors(metadata, field)),
  ];
}

function nameErrors({ name }: JsonObject): readonly FieldError[] {
  if (name === undefined || name === null || name === '') return [required(['metadata', 'name'])].map(named);
  if (typeof name !== 'string') return [wrongType(['metadata', 'name'], 'string', typeof name)];
  const errors: FieldError[] = [];
  if (name.length > 253) errors.push(invalid(['metadata', 'name'], name, 'must be no more than 253 characters'));
  if (!new RegExp(`^${SUBDOMAIN}$`).test(name))
    errors.push(
      invalid(
        ['metadata', 'name'],
        name,
        `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`,
      ),
    );
  return errors;
}

function named(error: FieldError): FieldError {
  return { ...error, message: `${error.message}: name or generateName is required` };
}

function namespaceErrors({ namespace }: JsonObject): readonly FieldError[] {
  if (namespace === undefined || namespace === null || namespace === '') return [];
  if (typeof namespace !== 'string') return [wrongType(['metadata', 'namespace'], 'string', typeof namespace)];
  const errors: FieldError[] = [];
  if (namespace.length > 63) errors.push(invalid(['metadata', 'namespace'], namespace, 'must be no more than 63 characters'));
  if (new RegExp(`^${LABEL}$`).test(namespace)) return errors;
  const problem = new RegExp(`^${SUBDOMAIN}$`).test(namespace)
    ? 'must not contain dots'
    : `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
  return [...errors, invalid(['metadata', 'namespace'], namespace, problem)];
}

function textMapErrors(metadata: JsonObject, field: string): readonly FieldError[] {
  const value = metadata[field];
  if (!hasOwn(metadata, field) || value === null) return [];
  if (!isJsonObject(value)) return [wrongType(['metadata', field], 'object', Array.isArray(value) ? 'array' : typeof value)];
  return Object.entries(value).flatMap(([key, text]) =>
    typeof text === 'string' ? [] : [wrongType(['metadata', field, key], 'string', text === null ? 'null' : typeof text)],
  );
}
