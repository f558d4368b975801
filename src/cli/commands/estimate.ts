import type { Budget } from '../../api/configuration.ts';
import type { Message } from '../../api/message.ts';
import { agentId } from '../../api/names.ts';
import { systemClock } from '../../lib/clock.ts';
import { CodedError, InputError } from '../../lib/errors.ts';
import { USER_AGENT } from '../../lib/version.ts';
import { createAnthropicModel } from '../../model/anthropic.ts';
import { usageBound } from '../../model/anthropic-request.ts';
import { ModelError, type ModelErrorCode, type ModelRequest } from '../../model/port.ts';
import { type Program, programOf } from '../../runner/program.ts';
import { runsBetween } from '../../schedule/runs.ts';
import { noRoomFor, overBudgets, type Runs } from '../estimate/budget.ts';
import { periodFigures, type RunFigures, runFigures, together } from '../estimate/figures.ts';
import { judgementOf, nextTickOf } from '../estimate/judge.ts';
import { type Receipts, readReceipts } from '../estimate/receipts.ts';
import { type AgentEstimate, type EventEstimate, reportOf, type StreamEstimate } from '../estimate/report.ts';
import { readSample, type Sample } from '../estimate/samples.ts';
import { RefusedInput } from '../exit.ts';
import { type Loaded, type LoadedAgent, type LoadedSchedule, load, missingAgent, redrivesLeftOut } from '../load.ts';
import type { Terminal } from '../terminal.ts';
import { warningsIn } from '../warnings.ts';

/** The flags of `eventagent estimate`. */
export interface EstimateOptions {
  readonly events?: readonly string[];
  readonly type?: string;
  readonly source?: string;
  readonly perMonth?: number;
  readonly receipts?: string;
  readonly offline: boolean;
  readonly json: boolean;
}

const YEAR_MS = 365 * 24 * 3_600_000;
const MONTHS = 12;

/**
 * `eventagent estimate FILE|DIR…`: tokens and cost of a run, a day and a month. Throws as `render`; `RefusedInput` for events and receipts that are none; `CodedError` where the
 * provider does not count.
 */
export async function estimate(
  paths: readonly string[],
  options: EstimateOptions,
  environment: NodeJS.ProcessEnv,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { events = [] } = options;
  if (events.length === 0)
    for (const [flag, value] of [
      ['--type', options.type],
      ['--source', options.source],
      ['--per-month', options.perMonth],
    ] as const)
      if (value !== undefined) throw new InputError('Usage', `${flag} says something of the events of --events, and there are none`);
  const loaded = load(paths);
  const missing = loaded.schedules.flatMap((schedule) => missingAgent(schedule) ?? []);
  if (missing.length > 0) throw new RefusedInput(missing);
  if (events.length === 0 && loaded.schedules.length === 0)
    throw new InputError(
      'Usage',
      'there is no event to estimate with: give files with events to --events, or the file of an AgentSchedule',
    );
  const now = systemClock.now();
  for (const line of [...warningsIn(loaded, now), ...redrivesLeftOut(loaded)]) terminal.err(`warning: ${line}`);
  const samples = samplesOf(events, options, now);
  const receipts = options.receipts === undefined ? undefined : readReceipts(options.receipts);

  const agents: AgentEstimate[] = [];
  for (const agent of loaded.agents) {
    const apiKey = options.offline ? undefined : keyOf(agent, loaded, environment.ANTHROPIC_API_KEY);
    const figures = figuresFor(agent, { apiKey, receipts, signal });
    agents.push(await agentEstimate(agent, { samples, schedules: loaded.schedules, perMonth: options.perMonth, now, figures, receipts }));
  }
  const periods = agents.map(({ streams }) => streams.flatMap(({ period }) => period ?? [])).filter((known) => known.length > 0);
  const result = { agents, ...(periods.length > 1 ? { total: together(periods.flat()) } : {}) };
  if (options.json) terminal.out(JSON.stringify(result, null, 2));
  else for (const line of reportOf(result)) terminal.out(line);
}

/** Throws `RefusedInput` with what is wrong with every file. */
function samplesOf(files: readonly string[], { type, source }: EstimateOptions, now: number): readonly Sample[] {
  const lines: string[] = [];
  const samples = files.flatMap((file) => {
    try {
      return [readSample(file, { type, source }, now)];
    } catch (error) {
      if (!(error instanceof RefusedInput)) throw error;
      lines.push(...error.lines);
      return [];
    }
  });
  if (lines.length > 0) throw new RefusedInput(lines);
  return samples;
}

/** The key that an agent would use: of the Secret in the given files, else of the environment, as in `dev`. */
function keyOf({ agent }: LoadedAgent, { secrets }: Loaded, fromEnvironment: string | undefined): string | undefined {
  const { name, key } = agent.spec.agent.apiKeySecretRef;
  const secret = secrets.find((document) => document.namespace === agent.metadata.namespace && document.name === name);
  return secret?.values.get(key)?.trim() || fromEnvironment?.trim() || undefined;
}

/** What a request costs. */
type Figures = (request: ModelRequest) => Promise<RunFigures>;

function figuresFor(
  { agent, compiled }: LoadedAgent,
  given: { readonly apiKey: string | undefined; readonly receipts: Receipts | undefined; readonly signal: AbortSignal },
): Figures {
  const { apiKey, receipts, signal } = given;
  const { baseUrl } = compiled.runner.model;
  const mean = receipts?.meanOutput(agentId(agent.metadata))?.tokens ?? 0;
  const counter = createAnthropicModel({
    apiKey: () => apiKey,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    clock: systemClock,
    userAgent: USER_AGENT,
  });
  const inputOf = async (request: ModelRequest) =>
    apiKey === undefined
      ? ({ tokens: usageBound(request).input, kind: 'at-most' } as const)
      : ({ tokens: await counter.countTokens(request, signal), kind: 'counted' } as const);
  return async (request) => {
    try {
      return runFigures(request.model, await inputOf(request), { from: Math.min(mean, request.maxTokens), to: request.maxTokens });
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      const { namespace, name } = agent.metadata;
      const message = `the tokens of ${namespace}/${name} were not counted: ${error.message} Or use --offline, which asks nobody and gives an upper bound.`;
      throw new CodedError<ModelErrorCode>(error.code, message, { cause: error });
    }
  };
}

async function agentEstimate(
  loaded: LoadedAgent,
  given: {
    readonly samples: readonly Sample[];
    readonly schedules: readonly LoadedSchedule[];
    readonly perMonth: number | undefined;
    readonly now: number;
    readonly figures: Figures;
    readonly receipts: Receipts | undefined;
  },
): Promise<AgentEstimate> {
  const { samples, perMonth, now, figures } = given;
  const { agent, compiled, placeOf } = loaded;
  const { namespace, name } = agent.metadata;
  const { budget } = compiled.runner;
  const program = programOf(compiled.runner);
  const streams: StreamEstimate[] = [];
  if (samples.length > 0) {
    const events: EventEstimate[] = [];
    for (const sample of samples) events.push(await eventEstimate(sample.name, sample.message, program, { now, figures, budget }));
    streams.push(streamOf({ from: 'events', events, ...(perMonth === undefined ? {} : { runsPerYear: perMonth * MONTHS }) }));
  }
  for (const schedule of given.schedules.filter(({ agent: own }) => own === loaded)) {
    const { message, times, cron, timeZone } = nextTickOf(schedule, loaded, now);
    const events = [await eventEstimate('its event', message, program, { now, figures, budget })];
    const { metadata, spec } = schedule.schedule;
    const about = { name: `${metadata.namespace}/${metadata.name}`, cron, timeZone, suspended: spec.suspend };
    streams.push(streamOf({ from: 'schedule', schedule: about, runsPerYear: runsBetween(times, now, now + YEAR_MS), events }));
  }
  const periods = streams.flatMap(({ period }) => period ?? []);
  const overBudget = budget === undefined ? [] : overBudgets(streams.flatMap(runsOf), budget);
  return {
    agent: `${namespace}/${name}`,
    place: placeOf('metadata.name'),
    model: compiled.runner.model.name,
    maxTokens: compiled.runner.model.maxTokens,
    ...(given.receipts === undefined ? {} : { receipts: given.receipts.meanOutput(agentId(agent.metadata)) ?? 'none-of-it' }),
    streams,
    ...(periods.length > 1 ? { total: together(periods) } : {}),
    ...(overBudget.length > 0 ? { overBudget } : {}),
  };
}

async function eventEstimate(
  event: string,
  message: Message,
  program: Program,
  given: { readonly now: number; readonly figures: Figures; readonly budget: Budget | undefined },
): Promise<EventEstimate> {
  const { now, figures, budget } = given;
  const judgement = judgementOf(message, program, now);
  switch (judgement.kind) {
    case 'run': {
      const run = await figures(judgement.request);
      const noRoom = budget === undefined ? undefined : noRoomFor(judgement.request, run, budget);
      if (noRoom === undefined) return { event, outcome: 'run', ...run };
      const { isCertain, reason, error } = noRoom;
      return isCertain
        ? { event, outcome: 'dead-letter', reason, error }
        : { event, outcome: 'run', ...run, mayBeDeadLetter: { reason, error } };
    }
    case 'filtered':
      return { event, outcome: 'filtered' };
    case 'dead-letter':
      return { event, outcome: 'dead-letter', reason: judgement.reason, error: judgement.error };
  }
}

function streamOf(stream: Omit<StreamEstimate, 'period'>): StreamEstimate {
  const [known] = runsOf(stream);
  const period = known === undefined ? undefined : periodFigures(known.runs, known);
  return { ...stream, ...(period === undefined ? {} : { period }) };
}

/** What runs of a stream, where it is known how often. */
function runsOf({ events, runsPerYear }: StreamEstimate): readonly Runs[] {
  return runsPerYear === undefined ? [] : [{ runs: events.flatMap((event) => (event.outcome === 'run' ? [event] : [])), runsPerYear }];
}
