import { readFileSync } from 'node:fs';
import { type Resource, resources } from '../../src/kube/resources.ts';
import type { JsonObject } from '../../src/lib/json-object.ts';
import { redriveVerdictOn, scheduleVerdictOn, verdictOn } from '../../src/manifest/crd-verdict.ts';
import { readAgentScheduleSchema, readDeadLetterRedriveSchema, readEventAgentSchema, type Schema } from '../../src/manifest/schema.ts';
import { fullAgent } from './full-agent.ts';
import { fullRedrive } from './full-redrive.ts';
import { fullSchedule } from './full-schedule.ts';
import { limitMutations } from './limit-mutations.ts';
import { type Mutation, mutated } from './mutation.ts';
import { podMutations } from './pod-mutations.ts';
import { redriveMutations } from './redrive-mutations.ts';
import { scheduleMutations } from './schedule-mutations.ts';
import { structureMutations } from './structure-mutations.ts';
import { valueMutations } from './value-mutations.ts';

/** What is said of an object. */
export interface ObjectVerdict {
  /** What is wrong with it, as `field: message`; sorted, each line once. */
  readonly findings: readonly string[];
  /** Its spec as it is stored, where nothing is wrong. */
  readonly spec: unknown;
}

/** A kind with the objects that `eventagent validate` and the API server must judge alike. */
export interface VerdictCorpus {
  readonly resource: Resource;
  readonly schema: Schema;
  readonly mutations: readonly Mutation[];
  /** What Kubernetes 1.37 says of each, written by `record-verdicts.ts`. */
  readonly golden: URL;
  /** The valid object with one of the changes. */
  object(mutation: Mutation): JsonObject;
  /** What `eventagent validate` says. */
  verdict(value: unknown): ObjectVerdict;
}

const lineOf = () => 1;

function corpusOf(
  resource: Resource,
  schema: Schema,
  golden: string,
  full: () => Record<string, unknown>,
  mutations: readonly Mutation[],
  judge: VerdictCorpus['verdict'],
): VerdictCorpus {
  return {
    resource,
    schema,
    mutations: [...mutations, ...limitMutations(schema, full())],
    golden: new URL(`golden/${golden}`, import.meta.url),
    object: ({ set }) => mutated(full(), set),
    verdict: judge,
  };
}

const agentSchema = readEventAgentSchema();
const scheduleSchema = readAgentScheduleSchema();
const redriveSchema = readDeadLetterRedriveSchema();

/** All kinds. */
export const verdictCorpora: readonly VerdictCorpus[] = [
  corpusOf(
    resources.eventAgents,
    agentSchema,
    'agent-verdicts.json',
    fullAgent,
    [...structureMutations, ...valueMutations, ...podMutations],
    (value) => {
      const verdict = verdictOn({ value, lineOf }, agentSchema);
      return verdict.valid ? { findings: [], spec: verdict.agent.spec } : { findings: linesOf(verdict.findings), spec: undefined };
    },
  ),
  corpusOf(resources.agentSchedules, scheduleSchema, 'schedule-verdicts.json', fullSchedule, scheduleMutations, (value) => {
    const verdict = scheduleVerdictOn({ value, lineOf }, scheduleSchema);
    return verdict.valid ? { findings: [], spec: verdict.schedule.spec } : { findings: linesOf(verdict.findings), spec: undefined };
  }),
  corpusOf(resources.deadLetterRedrives, redriveSchema, 'redrive-verdicts.json', fullRedrive, redriveMutations, (value) => {
    const verdict = redriveVerdictOn({ value, lineOf }, redriveSchema);
    return verdict.valid ? { findings: [], spec: verdict.redrive.spec } : { findings: linesOf(verdict.findings), spec: undefined };
  }),
];

function linesOf(findings: readonly { readonly path: string; readonly message: string }[]): readonly string[] {
  return sortedLines(findings.map(({ path, message }) => `${path}: ${message}`));
}

/** Lines in the order of their characters, each once. */
export function sortedLines(lines: Iterable<string>): readonly string[] {
  return [...new Set(lines)].sort((a, b) => (a < b ? -1 : 1));
}

/** What Kubernetes 1.37 said of each change when it was asked last. */
export function recordedVerdicts({ golden }: VerdictCorpus): Readonly<Record<string, readonly string[]>> {
  return JSON.parse(readFileSync(golden, 'utf8')) as Record<string, string[]>;
}
