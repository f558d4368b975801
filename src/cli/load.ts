import type { SecretKeyRef } from '../api/configuration.ts';
import type { AgentSchedule } from '../api/generated/agent-schedule.ts';
import type { DeadLetterRedrive } from '../api/generated/dead-letter-redrive.ts';
import type { EventAgent } from '../api/generated/event-agent.ts';
import { type Compiled, compile, gatewayConfigurationFor, type Problem, problemsOf, routeName } from '../compile/compile.ts';
import { scheduleProblems } from '../compile/schedule.ts';
import { type Finding, redriveVerdictOn, scheduleVerdictOn, verdictOn } from '../manifest/crd-verdict.ts';
import type { FieldPath } from '../manifest/field-error.ts';
import { readManifests } from '../manifest/read.ts';
import { readAgentScheduleSchema, readDeadLetterRedriveSchema, readEventAgentSchema, type Schema } from '../manifest/schema.ts';
import type { SecretDocument } from '../manifest/secret-document.ts';
import type { YamlDocument } from '../manifest/yaml-documents.ts';
import { RefusedInput } from './exit.ts';

/** One agent of the given files, checked and compiled. */
export interface LoadedAgent {
  readonly agent: EventAgent;
  readonly compiled: Compiled;
  /** `file:line` of a field. */
  readonly placeOf: (path: string) => string;
}

/** One schedule of the given files, checked. */
export interface LoadedSchedule {
  readonly schedule: AgentSchedule;
  /** The agent that it names; missing where the files do not hold it. */
  readonly agent: LoadedAgent | undefined;
  /** `file:line` of a field. */
  readonly placeOf: (path: string) => string;
}

/** One redrive of the given files, checked. */
export interface LoadedRedrive {
  readonly redrive: DeadLetterRedrive;
  /** `file:line` of its document. */
  readonly place: string;
}

/** Everything that the given files hold. */
export interface Loaded {
  readonly agents: readonly LoadedAgent[];
  readonly schedules: readonly LoadedSchedule[];
  readonly redrives: readonly LoadedRedrive[];
  readonly secrets: readonly SecretDocument[];
  /** That the subfolders of a folder were not looked at, a line each. */
  readonly passedOver: readonly string[];
}

/**
 * Reads files and folders, judges every resource of our kinds as the API server and the compiler do, and compiles the agents.
 * Throws `RefusedInput` with every finding of every file, so that one wrong agent starts nothing.
 */
export function load(paths: readonly string[]): Loaded {
  const manifests = readManifests(paths);
  const schema = readEventAgentSchema();
  const lines = manifests.problems.map(({ message }) => message);
  const agents: LoadedAgent[] = [];
  for (const document of manifests.agents) {
    const verdict = verdictOn(document, schema);
    if (!verdict.valid) {
      lines.push(...verdict.findings.map((finding) => findingLine(document, finding)));
      continue;
    }
    const placeOf = placesIn(document);
    const problems = problemsOf(verdict.agent);
    lines.push(...problems.map((problem) => located(placeOf, problem)));
    if (problems.length === 0) agents.push({ agent: verdict.agent, compiled: compile(verdict.agent), placeOf });
  }
  const scheduleSchema = readAgentScheduleSchema();
  const schedules = manifests.schedules.flatMap((document) => loadedSchedule(document, scheduleSchema, agents, lines));
  const redrives = loadedRedrives(manifests.redrives, lines);
  lines.push(...takenPaths(agents));
  if (lines.length > 0) throw new RefusedInput(lines);
  if (agents.length === 0 && schedules.length === 0 && redrives.length === 0)
    throw new RefusedInput([
      `${paths.join(', ')}: no EventAgent in there: add a document with apiVersion eventagent.dev/v1alpha1 and kind EventAgent`,
    ]);
  return { agents, schedules, redrives, secrets: manifests.secrets, passedOver: manifests.passedOver };
}

/** Adds what is wrong with a schedule to `lines`. That its agent is missing is none of it: that may be applied already, or later. */
function loadedSchedule(
  document: YamlDocument,
  schema: Schema,
  agents: readonly LoadedAgent[],
  lines: string[],
): readonly LoadedSchedule[] {
  const verdict = scheduleVerdictOn(document, schema);
  if (!verdict.valid) {
    lines.push(...verdict.findings.map((finding) => findingLine(document, finding)));
    return [];
  }
  const { schedule } = verdict;
  const placeOf = placesIn(document);
  lines.push(...scheduleProblems(schedule).map((problem) => located(placeOf, problem)));
  const { namespace } = schedule.metadata;
  const named = agents.find(({ agent: { metadata } }) => metadata.namespace === namespace && metadata.name === schedule.spec.agentRef.name);
  return [{ schedule, agent: named, placeOf }];
}

/** Adds what is wrong with redrives to `lines`. */
function loadedRedrives(documents: readonly YamlDocument[], lines: string[]): readonly LoadedRedrive[] {
  const schema = readDeadLetterRedriveSchema();
  return documents.flatMap((document) => {
    const verdict = redriveVerdictOn(document, schema);
    if (verdict.valid) return [{ redrive: verdict.redrive, place: `${document.file}:${document.line}` }];
    lines.push(...verdict.findings.map((finding) => findingLine(document, finding)));
    return [];
  });
}

/** What the API server would say, and what to do where that is not to be seen from it. */
function findingLine({ file }: YamlDocument, { path, message, line }: Finding): string {
  const isUnquoted = /must be of type string: "(number|integer|boolean)"$/.test(message);
  return `${file}:${line}: ${path}: ${message}${isUnquoted ? '; put it in quotes' : ''}`;
}

/** That redrives have no part in what is done without a cluster, as lines of output. */
export function redrivesLeftOut({ redrives }: Loaded): readonly string[] {
  return redrives.map(
    ({ redrive: { metadata }, place }) =>
      `${place}: DeadLetterRedrive ${metadata.namespace}/${metadata.name} is left out: it is for a cluster; elsewhere there is \`eventagent redrive\``,
  );
}

/** That the agent of a schedule is in none of the files, as a line of output; `undefined` where it is. */
export function missingAgent({ schedule, agent, placeOf }: LoadedSchedule): string | undefined {
  if (agent !== undefined) return undefined;
  const { metadata, spec } = schedule;
  const message = `EventAgent ${metadata.namespace}/${spec.agentRef.name} is in none of the given files: give its file, too, or correct the name`;
  return located(placeOf, { path: 'spec.agentRef.name', message });
}

/** Every Secret that an agent refers to, with the field that does. */
export function secretRefsOf(
  agent: EventAgent,
): readonly { readonly path: string; readonly ref: SecretKeyRef; readonly use: 'webhook' | 'model' | 'output' | 'checkpoints' }[] {
  const { agent: model, triggers = [], outputs = [] } = agent.spec;
  return [
    ...triggers.flatMap(({ webhook }, trigger) =>
      (webhook?.verification.secretKeyRefs ?? []).map((ref, index) => ({
        path: `spec.triggers[${trigger}].webhook.verification.secretKeyRefs[${index}]`,
        ref,
        use: 'webhook' as const,
      })),
    ),
    { path: 'spec.agent.apiKeySecretRef', ref: model.apiKeySecretRef, use: 'model' as const },
    ...outputs.flatMap(({ http }, output) =>
      (http.headersFrom ?? []).map(({ secretKeyRef }, index) => ({
        path: `spec.outputs[${output}].http.headersFrom[${index}].secretKeyRef`,
        ref: secretKeyRef,
        use: 'output' as const,
      })),
    ),
    ...(agent.spec.checkpoints?.encryptionKeyRefs ?? []).map((ref, index) => ({
      path: `spec.checkpoints.encryptionKeyRefs[${index}]`,
      ref,
      use: 'checkpoints' as const,
    })),
  ];
}

/** A finding as a line of output. */
export function located(placeOf: LoadedAgent['placeOf'], { path, message }: Problem): string {
  return `${placeOf(path)}: ${path}: ${message}`;
}

function takenPaths(agents: readonly LoadedAgent[]): readonly string[] {
  const namespaces = new Set(agents.map(({ agent }) => agent.metadata.namespace));
  return [...namespaces].flatMap((namespace) => {
    const inside = agents.filter(({ agent }) => agent.metadata.namespace === namespace);
    const { taken } = gatewayConfigurationFor(
      namespace,
      inside.map(({ compiled }) => compiled),
    );
    return taken.flatMap(({ route, by }) => {
      const owner = inside.find(({ agent }) => agent.metadata.name === route.agent.name);
      const index = owner?.agent.spec.triggers?.findIndex(({ name }) => name === route.trigger) ?? 0;
      const path = `spec.triggers[${index}].webhook.path`;
      const message = `${route.path} belongs to ${routeName(by)} already: give this trigger a path of its own`;
      return owner === undefined ? [] : [located(owner.placeOf, { path, message })];
    });
  });
}

function placesIn(document: YamlDocument): LoadedAgent['placeOf'] {
  return (path) => `${document.file}:${document.lineOf(fieldPath(path))}`;
}

function fieldPath(path: string): FieldPath {
  return (path.match(/[^.[\]]+/g) ?? []).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
