import type { HttpOutput } from '../api/configuration.ts';
import type { AgentEvent } from '../api/event.ts';
import { digest } from '../api/names.ts';
import type { DeadLetterReason } from '../api/reasons.ts';
import type { OutputCheckpoint, TurnCheckpoint } from '../api/record.ts';
import { InputError, messageOf } from '../lib/errors.ts';
import { isHeaderValue } from '../lib/header-value.ts';
import { usageBound } from '../model/anthropic-request.ts';
import type { ModelRequest } from '../model/port.ts';
import { type Claim, Fenced } from './claim.ts';
import type { Outcome } from './outcome.ts';
import { HostNotAllowed } from './outputs/hosts.ts';
import { hostsOf, type OutputProgram, renderRequest } from './outputs/render.ts';
import { unknownResult, verdictOn } from './outputs/verdict.ts';
import type { RunnerPorts } from './ports.ts';
import { outputKey, type Program, requestFor } from './program.ts';
import { type Purchase, purchaseOf } from './spending.ts';
import { type CallGates, modelTurn } from './turn.ts';

/** One run of a taken event. */
export interface Run {
  readonly program: Program;
  readonly ports: RunnerPorts;
  readonly event: AgentEvent;
  readonly eventKey: string;
  readonly claim: Claim;
  /** Ends the run at once: its timeout, a lost fence, or the longest that its delivery may be held. */
  readonly abort: AbortSignal;
  /** Whether no further step should begin, and how the run ends then. */
  readonly interruption: () => Outcome | undefined;
  /** Each of them only cuts short what is waited for. */
  readonly stops: readonly AbortSignal[];
  readonly onPurchase: (purchase: Purchase) => void;
  readonly gates: CallGates;
  /** Told when every Secret that the outputs need could be read. */
  readonly onSecretsFound: () => void;
}

/** The life of an event once it is taken: the model's turn, then each output; every step recorded before the next begins. */
export async function pipeline(run: Run): Promise<Outcome> {
  try {
    account(run);
    // Before anything is bought: an answer that cannot be sent anywhere is no use.
    const missing = missingSecret(run);
    if (missing !== undefined) return missing;
    const answer = await answerFor(run);
    if ('outcome' in answer) return answer.outcome;
    return await deliverAll(run, answer.turn);
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced' };
    throw error;
  }
}

/**
 * Counts what nothing tells of: runs that did not come to an end may each have made a call that was billed. A budget for the event has the record know of each call before it is settled, and the
 * ledger of those that were not.
 */
function account({ program, event, claim: { record }, ports, onPurchase }: Run): void {
  if (record.starts === 1 || Object.keys(record.outputs).length > 0 || program.configuration.budget?.perEvent !== undefined) return;
  const rendering = rendered('TemplateError', () => requestFor(program, event));
  if ('outcome' in rendering || digestOf(rendering.value) === record.turn?.requestDigest) return;
  const purchase = purchaseOf(ports.priceOf, rendering.value.model, usageBound(rendering.value), true);
  for (let run = 1; run < record.starts; run += 1) onPurchase(purchase);
}

/** The model's answer: the one that was bought before, or a new one; none where every output has its request already. */
async function answerFor(run: Run): Promise<{ readonly turn: TurnCheckpoint | undefined } | { readonly outcome: Outcome }> {
  const { turn: bought, outputs } = run.claim.record;
  // Once an output may have gone out, the answer it was made from is finished, even if the prompt has changed since.
  if (bought !== undefined && Object.keys(outputs).length > 0) return { turn: bought };
  // A record that is too large has lost its answer, and needs it only for outputs that are not rendered yet.
  if (run.program.outputs.length > 0 && run.program.outputs.every(({ output }) => outputs[output.name] !== undefined))
    return { turn: undefined };
  const rendering = rendered('TemplateError', () => requestFor(run.program, run.event));
  if ('outcome' in rendering) return rendering;
  const request = rendering.value;
  const requestDigest = digestOf(request);
  if (bought?.requestDigest === requestDigest) return { turn: bought };
  const interrupted = run.interruption();
  if (interrupted !== undefined) return { outcome: interrupted };
  const made = await modelTurn({ ...run.ports, ...run.gates, onPurchase: run.onPurchase }, request, run.abort, run.stops);
  if ('outcome' in made) return made;
  const turn = { requestDigest, text: made.turn.text, model: made.turn.model, usage: made.turn.usage };
  const { freshStarts = 0 } = run.claim.record;
  run.claim.note({ turn, ...(bought === undefined ? {} : { freshStarts: freshStarts + 1 }) });
  return { turn };
}

function digestOf({ model, system, prompt, maxTokens }: ModelRequest): string {
  return digest(model, system ?? '', prompt, String(maxTokens));
}

/** The first output still to be delivered to whose headers from Secrets cannot be had. */
function missingSecret(run: Run): Outcome | undefined {
  for (const { output } of run.program.outputs) {
    if (run.claim.record.outputs[output.name]?.state === 'done') continue;
    const headers = secretHeadersOf(run, output);
    if ('outcome' in headers) return headers.outcome;
  }
  run.onSecretsFound();
  return undefined;
}

async function deliverAll(run: Run, turn: TurnCheckpoint | undefined): Promise<Outcome> {
  for (const output of run.program.outputs) {
    const outcome = await deliver(run, output, turn);
    if (outcome !== undefined) return outcome;
  }
  return { kind: 'done' };
}

/** Delivers to one output, unless it has it already. */
async function deliver(run: Run, program: OutputProgram, turn: TurnCheckpoint | undefined): Promise<Outcome | undefined> {
  const { output } = program;
  const { claim } = run;
  const known = claim.record.outputs[output.name];
  if (known?.state === 'done') return undefined;
  const interrupted = run.interruption();
  if (interrupted !== undefined) return interrupted;
  if (known?.state === 'intent' && output.onUnknownResult === 'DeadLetter') {
    return unknownResult(output, `output ${output.name}: the process ended after the request may have been sent, and before its answer`);
  }
  const request =
    known === undefined ? rendered('TemplateError', () => renderRequest(program, scopeOf(run, turn))) : { value: known.request };
  if ('outcome' in request) return request.outcome;
  const secretHeaders = secretHeadersOf(run, output);
  if ('outcome' in secretHeaders) return secretHeaders.outcome;

  const mark = (state: OutputCheckpoint['state']) => ({
    outputs: { ...claim.record.outputs, [output.name]: { request: request.value, state } },
  });
  await claim.checkpoint(mark('intent'));
  const answer = await run.ports.send(
    {
      output: output.name,
      request: request.value,
      secretHeaders: secretHeaders.value,
      idempotencyKey: outputKey(run.program, run.eventKey, output.name),
      allowedHosts: hostsOf(output),
      timeoutMs: output.timeoutMs,
    },
    run.abort,
  );
  const verdict = verdictOn(output, answer);
  if (verdict === 'delivered') {
    claim.note(mark('done'));
    return undefined;
  }
  const unknown = 'reason' in verdict && verdict.reason === 'OutputUnknown';
  if (!unknown) claim.note(mark('refused'));
  return verdict;
}

/** What an output is made of. Throws where there is no answer, which only outputs that are rendered already do without. */
function scopeOf({ program, event }: Run, turn: TurnCheckpoint | undefined) {
  if (turn === undefined) throw new Error('there is no answer to render an output from');
  return { agent: program.configuration.agent, event, output: { text: turn.text, model: turn.model } };
}

function secretHeadersOf(run: Run, output: HttpOutput): { readonly value: Record<string, string> } | { readonly outcome: Outcome } {
  const value: Record<string, string> = {};
  for (const { name, secretKeyRef } of output.headersFrom) {
    const secret = run.ports.secrets(secretKeyRef)?.trim();
    if (secret === undefined || secret === '' || !isHeaderValue(secret)) {
      const error = `output ${output.name}: header ${name}: key ${secretKeyRef.key} of Secret ${secretKeyRef.name} is missing, empty, or cannot be sent in a header`;
      return { outcome: { kind: 'hand-back', reason: 'SecretMissing', error } };
    }
    value[name.toLowerCase()] = secret;
  }
  return { value };
}

function rendered<T>(reason: DeadLetterReason, render: () => T): { readonly value: T } | { readonly outcome: Outcome } {
  try {
    return { value: render() };
  } catch (error) {
    if (error instanceof HostNotAllowed) return { outcome: { kind: 'permanent', reason: 'OutputForbidden', error: error.message } };
    if (error instanceof InputError) return { outcome: { kind: 'permanent', reason, error: messageOf(error) } };
    throw error;
  }
}
