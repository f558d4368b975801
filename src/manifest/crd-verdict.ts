import type { AgentSchedule } from '../api/generated/agent-schedule.ts';
import type { DeadLetterRedrive } from '../api/generated/dead-letter-redrive.ts';
import type { EventAgent } from '../api/generated/event-agent.ts';
import { isJsonObject } from '../lib/json-object.ts';
import type { FieldError, FieldPath } from './field-error.ts';
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

/** What the API server would say of an EventAgent. */
export type Verdict = { readonly valid: true; readonly agent: EventAgent } | Refused;

/** What the API server would say of an AgentSchedule. */
export type ScheduleVerdict = { readonly valid: true; readonly schedule: AgentSchedule } | Refused;

/** What the API server would say of a DeadLetterRedrive. */
export type RedriveVerdict = { readonly valid: true; readonly redrive: DeadLetterRedrive } | Refused;

interface Refused {
  readonly valid: false;
  readonly findings: readonly Finding[];
}

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
  const judged = judge<EventAgent>(document, schema);
  return 'findings' in judged ? { valid: false, ...judged } : { valid: true, agent: judged.resource };
}

/** Judges an AgentSchedule, likewise. */
export function scheduleVerdictOn(document: Positioned, schema: Schema): ScheduleVerdict {
  const judged = judge<AgentSchedule>(document, schema);
  return 'findings' in judged ? { valid: false, ...judged } : { valid: true, schedule: judged.resource };
}

/** Judges a DeadLetterRedrive that is to be made, likewise. */
export function redriveVerdictOn(document: Positioned, schema: Schema): RedriveVerdict {
  const judged = judge<DeadLetterRedrive>(document, schema);
  return 'findings' in judged ? { valid: false, ...judged } : { valid: true, redrive: judged.resource };
}

/** What every resource of ours has. */
interface Resource {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

function judge<Kind extends Resource>(
  document: Positioned,
  schema: Schema,
): { readonly resource: Kind } | { readonly findings: readonly Finding[] } {
  const { metadata: _, ...properties } = schema.properties ?? {};
  const own: Schema = { ...schema, properties };
  const raw = isJsonObject(document.value) ? document.value : {};
  const { metadata, ...rest } = raw;
  // The status is the operator's: the API server drops what an applied resource says there, once it has looked for unknown fields.
  const { status: _status, ...applied } = rest;
  const filled = asStored('status' in properties ? applied : rest, own);
  const structural = [...objectMetaErrors(metadata), ...structuralErrors(filled, own)];
  const errors = structural.some(({ blocksRules }) => blocksRules)
    ? structural
    : [...structural, ...ruleErrors({ ...(isJsonObject(filled) ? filled : {}), metadata }, schema)];
  const all = [...unknownFields(rest, own), ...errors];
  if (all.length > 0) return { findings: findingsOf(all, document) };
  const named = metadata as Kind['metadata'];
  return { resource: { ...(filled as Kind), metadata: { ...named, namespace: named.namespace || 'default' } } };
}

function findingsOf(errors: readonly FieldError[], document: Positioned): readonly Finding[] {
  const findings = errors.map(({ path, message, at }) => ({ path, message, line: document.lineOf(at) }));
  return findings.sort((a, b) => compare(a.path, b.path) || compare(a.message, b.message));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
