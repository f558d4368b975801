import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A rule of a schema (`x-kubernetes-validations`). https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules */
export interface Rule {
  /** CEL over `self`. */
  readonly rule: string;
  readonly message: string;
  /** Where the error is reported, relative to the value, with a leading dot; without it at the value itself. */
  readonly fieldPath?: string;
}

/** A structural schema: the part of OpenAPI v3 that a CustomResourceDefinition may use and this one does use. */
export interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly format?: 'int32' | 'int64' | 'date-time';
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly additionalProperties?: Schema;
  /** Any fields are taken, and kept as they are. */
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-list-type'?: 'map' | 'atomic';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

/** What of a CustomResourceDefinition this code reads. */
interface CustomResourceDefinition {
  readonly spec: { readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[] };
}

/** The CustomResourceDefinition of EventAgent; in the package it lies beside `src` and `dist` alike. */
export const EVENT_AGENT_CRD = new URL('../../crds/eventagents.yaml', import.meta.url);

/** The CustomResourceDefinition of AgentSchedule, beside it. */
export const AGENT_SCHEDULE_CRD = new URL('../../crds/agentschedules.yaml', import.meta.url);

/** The CustomResourceDefinition of DeadLetterRedrive, beside it. */
export const DEAD_LETTER_REDRIVE_CRD = new URL('../../crds/deadletterredrives.yaml', import.meta.url);

/** The schema of an EventAgent, read anew at each call. Throws if the package is broken. */
export function readEventAgentSchema(): Schema {
  return schemaIn(EVENT_AGENT_CRD);
}

/** The schema of an AgentSchedule, likewise. */
export function readAgentScheduleSchema(): Schema {
  return schemaIn(AGENT_SCHEDULE_CRD);
}

/** The schema of a DeadLetterRedrive, likewise. */
export function readDeadLetterRedriveSchema(): Schema {
  return schemaIn(DEAD_LETTER_REDRIVE_CRD);
}

function schemaIn(file: URL): Schema {
  const crd = parse(readFileSync(file, 'utf8')) as CustomResourceDefinition;
  const version = crd.spec.versions.find(({ name }) => name === 'v1alpha1');
  if (version === undefined) throw new Error(`${file.pathname} has no version v1alpha1`);
  return version.schema.openAPIV3Schema;
}
