import { randomBytes } from 'node:crypto';
import { runnerName } from '../../api/kube-names.ts';
import type { AgentRef } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/kube-error.ts';
import { resources } from '../../kube/resources.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { InputError, messageOf } from '../../lib/errors.ts';
import { follow } from '../../lib/follow.ts';
import { type ExitCode, exitCodes } from '../exit.ts';
import { InCluster } from './errors.ts';
import { followOutput, type Writing } from './follow.ts';
import { brokerSecretOf, commandJobFor, commandJobName, type RunnerDeployment } from './job.ts';
import type { JobRef } from './job-pod.ts';
import { startedPod } from './started.ts';

/** A command that is to be run in a cluster. */
export interface Command {
  /** Whose connections it uses: the first one's, which all have. */
  readonly agents: readonly AgentRef[];
  readonly words: readonly string[];
  readonly deadlineSeconds: number;
}

/** What it is run with. */
export interface CommandPorts {
  readonly kube: Pick<KubeClient, 'get' | 'list' | 'log' | 'create' | 'delete'>;
  readonly clock: Clock;
  readonly write: Writing;
  /** What is to be said of the Job itself. */
  readonly tell: (line: string) => void;
  /** Aborted when the Job is to be ended, and what it still says is to be heard. */
  readonly stop: AbortSignal;
  /** Aborted when nobody listens any more. */
  readonly lost: AbortSignal;
}

/** What the process needs to end, and its last words to arrive. */
const LAST_WORDS_MS = 60_000;

const DELETE_MS = 15_000;

/**
 * Runs a command as a Job of the first agent's namespace, says what it says, and deletes the Job, however that ends. Its exit code. Rejects with `InputError`, `InCluster`, `KubeError`, what `write`
 * rejects with, or the reason of a signal.
 */
export async function runInCluster(command: Command, ports: CommandPorts): Promise<ExitCode> {
  const [agent] = command.agents;
  if (agent === undefined) throw new InputError('Usage', 'no agent is named');
  const ended = new AbortController();
  const unfollow = follow(ports.lost, ended);
  try {
    // Nothing is begun yet: what fails here is said at once, and is to be repeated by whoever has asked.
    const deployment = await deploymentFor(command.agents, ports.kube, AbortSignal.any([ports.stop, ended.signal]));
    const { namespace } = agent;
    const job = { namespace, name: commandJobName(agent, randomBytes(3).toString('hex')) };
    const object = commandJobFor(deployment, { agent, name: job.name, words: command.words, deadlineSeconds: command.deadlineSeconds });
    ports.stop.throwIfAborted();
    try {
      await ports.kube.create(resources.jobs, object, ended.signal);
    } catch (error) {
      if (mayBeMade(error)) await deleted(job, ports);
      throw error;
    }
    try {
      return await outcomeOf(job, ports, ended);
    } catch (error) {
      throw withRemedy(error, agent);
    } finally {
      await deleted(job, ports);
    }
  } finally {
    unfollow();
  }
}

/** Follows a Job to its end. Told to stop, it ends the Job, listens to its last words, and rejects with the reason. */
async function outcomeOf(job: JobRef, ports: CommandPorts, ended: AbortController): Promise<ExitCode> {
  const { stop, clock, write, tell } = ports;
  const starting = new AbortController();
  const unfollow = [follow(stop, starting), follow(ended.signal, starting)];
  const hangUp = async () => {
    tell('the Job is being ended, and its last words are waited for; the next signal does not wait');
    await deleted(job, ports);
    await sleep(clock, LAST_WORDS_MS, ended.signal);
    ended.abort(stop.reason);
  };
  let onStop: (() => void) | undefined;
  try {
    const pod = await startedPod(ports, job, tell, starting.signal);
    onStop = () => void hangUp().catch(() => {});
    if (stop.aborted) onStop();
    else stop.addEventListener('abort', onStop, { once: true });
    const code = await followOutput(ports, job, pod, write, ended.signal);
    stop.throwIfAborted();
    if (!isExitCode(code))
      throw new InCluster('OutputLost', `the command ended with exit code ${code} in Job ${job.namespace}/${job.name}`);
    return code;
  } catch (error) {
    // Why its output has no end is known then.
    if (stop.aborted && error instanceof InCluster) throw stop.reason;
    throw error;
  } finally {
    if (onStop !== undefined) stop.removeEventListener('abort', onStop);
    for (const end of unfollow) end();
    ended.abort();
  }
}

/** Whether there may be an object whose creation was rejected with this. */
function mayBeMade(error: unknown): boolean {
  return !(error instanceof KubeError) || error.code === 'Unreachable';
}

function isExitCode(code: number): code is ExitCode {
  return Object.keys(exitCodes).includes(String(code));
}

/** The Deployment of the first agent's runner. Throws where there is none, or another agent has another broker. */
async function deploymentFor(agents: readonly AgentRef[], kube: Pick<KubeClient, 'get'>, signal: AbortSignal): Promise<RunnerDeployment> {
  const found: { readonly agent: AgentRef; readonly deployment: RunnerDeployment }[] = [];
  for (const agent of agents) {
    const { namespace } = agent;
    const deployment = await kube.get<RunnerDeployment>(resources.deployments, namespace, runnerName(agent), signal);
    if (deployment === undefined) throw new InCluster('NoRunner', noRunner(agent));
    found.push({ agent, deployment });
  }
  const [first, ...others] = found;
  if (first === undefined) throw new InputError('Usage', 'no agent is named');
  for (const { agent, deployment } of others) {
    const isNeighbour = agent.namespace === first.agent.namespace;
    if (!isNeighbour || brokerSecretOf(deployment, agent) !== brokerSecretOf(first.deployment, first.agent))
      throw new InputError(
        'Usage',
        `${agent.namespace}/${agent.name} has another ${isNeighbour ? "broker's Secret" : 'namespace'} than ${first.agent.namespace}/${first.agent.name}, and a Job has one: run the command once for each`,
      );
  }
  return first.deployment;
}

function noRunner({ namespace, name }: AgentRef): string {
  return `there is no Deployment ${namespace}/${runnerName({ name })}, whose Secrets a Job would use: correct the name of the agent; for what a deleted agent has left run the command in a pod of another agent of the namespace (kubectl exec -n ${namespace} deploy/…-runner -- node dist/cli/main.js …), or give --rabbitmq and --redis`;
}

function withRemedy(error: unknown, agent: AgentRef): unknown {
  if (!(error instanceof InCluster && error.code === 'OutputLost')) return error;
  return new InCluster(
    'OutputLost',
    `${error.message}. What it did until then is done. In a pod of the agent's no log is in between: kubectl exec -n ${agent.namespace} deploy/${runnerName(agent)} -- node dist/cli/main.js …`,
    { cause: error },
  );
}

/** Deletes a Job with its pod; where that fails, says that it is left. */
async function deleted({ namespace, name }: JobRef, { kube, tell }: CommandPorts): Promise<void> {
  try {
    await kube.delete(resources.jobs, namespace, name, { propagationPolicy: 'Background' }, AbortSignal.timeout(DELETE_MS));
  } catch (error) {
    tell(
      `Job ${namespace}/${name} may be there still, since it could not be deleted (${messageOf(error)}): kubectl delete job -n ${namespace} ${name}`,
    );
  }
}
