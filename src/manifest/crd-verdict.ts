import type { EventAgent } from '../api/generated/event-agent.ts';
import type { FieldError, FieldPath } from './field-error.ts';
import { isJsonObject } from './json-object.ts';
import { objectMetaErrors } from './object-meta.ts';
import { ruleErrors } from './rules.ts';
import type { Schema } from './schema.ts';
import { asStored } from './stored-form.ts';
import { structuralErrors } from './structure.ts';
import { unknownFields } from './unknown-fields.ts';

/** Something wrong in a manifest, and where. */
export interface Finding {
  /** `spec.triggers[0].webhook.path` */
  readonly path: string;
  /** The API server's own words. */
  readonly message: string;
  /** In the manifest, from 1: the field, or what it is missing in. */
  readonly line: number;
}

/** What the API server would say of a resource. */
export type Verdict =
  | { readonly valid: true; readonly agent: EventAgent }
  | { readonly valid: false; readonly findings: readonly Finding[] };

/** A document of a manifest, seen from here. */
interface Positioned {
  readonly value: unknown;
  lineOf(at: FieldPath): number;
}

/**
 * Judges an EventAgent as the API server does on `kubectl apply`: unknown fields, the schema, and, where the structure allows to look at them, the rules.
 * All findings are collected, in the order of their paths. A valid agent comes back with defaults applied, in namespace `default` where it names none.
 * The remark that rules were not checked, which the API server adds, is left out.
 */
export function verdictOn(document: Positioned, schema: Schema): Verdict {
  const { metadata: _, ...properties } = schema.properties ?? {};
  const own: Schema = { ...schema, properties };
  const raw = isJsonObject(document.value) ? document.value : {};
  const { metadata, ...rest } = raw;
  const filled = asStored(rest, own);
  const structural = [...objectMetaErrors(metadata), ...structuralErrors(filled, own)];
  const errors = structural.some(({ blocksRules }) => blocksRules)
    ? structural
    : [...structural, ...ruleErrors({ ...(isJsonObject(filled) ? filled : {}), metadata }, schema)];
  const all = [...unknownFields(rest, own), ...errors];
  if (all.length > 0) return { valid: false, findings: findingsOf(all, document) };
  const agent = { ...(filled as Omit<EventAgent, 'metadata'>), metadata: withNamespace(metadata as EventAgent['metadata']) };
  return { valid: true, agent };
}

function withNamespace(metadata: Partial<EventAgent['metadata']> & Pick<EventAgent['metadata'], 'name'>): EventAgent['metadata'] {
  return { ...metadata, namespace: metadata.namespace || 'default' };
}

function findingsOf(errors: readonly FieldError[], document: Positioned): readonly Finding[] {
  const findings = errors.map(({ path, message, at }) => ({ path, message, line: document.lineOf(at) }));
  return findings.sort((a, b) => compare(a.path, b.path) || compare(a.message, b.message));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
