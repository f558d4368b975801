import { type Command, Option } from 'commander';
import type { AgentRef } from '../../api/names.ts';
import type { KubeConfigChoice } from '../../kube/kube-config.ts';
import { InputError } from '../../lib/errors.ts';

/** Whether a command is to be run in a cluster, and in which. */
export interface ClusterFlags {
  readonly inCluster?: boolean;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** What has to be known of a command to run it elsewhere. */
export interface Remotely {
  /** As an attribute of its options and as people write it: flags that name a file on this machine. */
  readonly localFile?: { readonly attribute: string; readonly flag: string; readonly instead: string };
}

/** A command that was given flags of a cluster. */
export interface RemoteCommand {
  readonly cluster: KubeConfigChoice;
  readonly agents: readonly AgentRef[];
  /** Its words there: without the flags of the cluster. */
  readonly words: readonly string[];
}

/** Where a command finds broker and store otherwise. */
const PLACES = ['rabbitmq', 'redis'];

/**
 * Gives a command that works for the agents of its first argument the flags that have it run in their cluster, and its two actions. All its other flags are to be there already.
 * Flags of a cluster count for more than URLs in the environment; together with a URL among the flags they are refused.
 */
export function withClusterFlags<Args extends readonly unknown[]>(
  command: Command,
  { localFile }: Remotely,
  remotely: (remote: RemoteCommand) => Promise<void>,
  here: (...args: Args) => Promise<void>,
): Command {
  const given = new Map<string, string>();
  for (const option of command.options) {
    // What was written, before anything is made of it.
    command.on(`option:${option.name()}`, (value: string | null | undefined) => {
      given.set(option.attributeName(), typeof value === 'string' ? `${option.long}=${value}` : String(option.long));
    });
  }
  return command
    .addOption(
      new Option(
        '--in-cluster',
        'run as a Job beside the agent, with its Secrets, in the cluster of $KUBECONFIG or ~/.kube/config',
      ).default(false),
    )
    .addOption(new Option('--kubeconfig <file>', '--in-cluster, with this kubeconfig'))
    .addOption(new Option('--context <name>', '--in-cluster, with this context of the kubeconfig'))
    .action(async (...all: unknown[]) => {
      const args = all.slice(0, -1) as unknown as Args;
      const { inCluster, kubeconfig, context } = command.opts<ClusterFlags>();
      if (!inCluster && kubeconfig === undefined && context === undefined) return here(...args);
      for (const attribute of PLACES)
        if (command.getOptionValueSource(attribute) === 'cli')
          throw new InputError(
            'Usage',
            `--${attribute}: a Job in the cluster takes the agent's own: leave out this flag, or those of the cluster`,
          );
      if (localFile !== undefined && command.getOptionValue(localFile.attribute) !== undefined)
        throw new InputError('Usage', `${localFile.flag} names a file on this machine, which a Job does not see: ${localFile.instead}`);
      await remotely({
        cluster: { ...(kubeconfig === undefined ? {} : { file: kubeconfig }), ...(context === undefined ? {} : { context }) },
        agents: [args[0]].flat() as readonly AgentRef[],
        words: [...pathOf(command), ...given.values(), '--', ...command.args],
      });
    });
}

function pathOf(command: Command): readonly string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}
