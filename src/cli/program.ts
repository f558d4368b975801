import type { Writable } from 'node:stream';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { AgentRef } from '../api/names.ts';
import { version } from '../lib/version.ts';
import { type DevOptions, dev } from './commands/dev.ts';
import { type DlqExportOptions, dlqExport } from './commands/dlq-export.ts';
import { type DlqLsOptions, dlqLs } from './commands/dlq-ls.ts';
import { type DlqReviewOptions, dlqReview } from './commands/dlq-review.ts';
import { type DlqShowOptions, dlqShow } from './commands/dlq-show.ts';
import { type EstimateOptions, estimate } from './commands/estimate.ts';
import { type ListOptions, listEvents, showEvent } from './commands/events.ts';
import { type RedriveOptions, redriveCommand } from './commands/redrive.ts';
import { render } from './commands/render.ts';
import { acknowledgeLoss } from './commands/store.ts';
import { validate } from './commands/validate.ts';
import { REDIS_VARIABLE } from './dev/url-flags.ts';
import { agentRef, atLeastOne, duration, pace, percent, withBrokerFlags, withFilterFlags } from './dlq/flags.ts';
import { reviewFormats } from './dlq/review-pages.ts';
import type { ExitCode } from './exit.ts';
import { type Remotely, withClusterFlags } from './in-cluster/flags.ts';
import { type RemoteManner, runFromHere } from './in-cluster/here.ts';
import type { StoreFlags } from './lent-parts.ts';
import { lineWriter } from './output-watch.ts';
import { stopSignal } from './stop.ts';
import type { Terminal } from './terminal.ts';

const ONCE =
  'exit when the first event is settled: 0 if its run is done; 1 if it failed, was discarded by a rule (filter, duplicate, TTL), or a signal came first';

/** Where what a command writes goes, beside its terminal. */
export interface Outlet {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted when nobody takes that any more. */
  readonly lost: AbortSignal;
}

const processOutlet: Outlet = { stdout: process.stdout, stderr: process.stderr, lost: new AbortController().signal };

/** The command line. `finish` is told the exit code of a command that has ended. */
export function createProgram(terminal: Terminal, finish: (code: ExitCode) => void, outlet = processOutlet): Command {
  const { lost } = outlet;
  const program = new Command('eventagent')
    .description('Runs LLM agents on events: webhooks and queues become model runs, every event ends in exactly one known place.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('Add --help to see what there is.')
    .configureOutput({ writeOut: (text) => terminal.out(text.trimEnd()), writeErr: (text) => terminal.err(text.trimEnd()) });

  program
    .command('dev')
    .description(
      'Run the agents of the given files in this process, with nothing to install. ANTHROPIC_API_KEY is the key of agents whose Secret is in none of them.',
    )
    .argument(
      '<path...>',
      'YAML files, or folders of them (subfolders are not looked at), with EventAgent, AgentSchedule and Secret documents',
    )
    .addOption(new Option('--port <port>', 'port of the gateway, on 127.0.0.1').argParser(port).default(8080))
    .addOption(new Option('--metrics-port <port>', 'port of /metrics, /healthz and /readyz').argParser(port).default(9090))
    .addOption(new Option('--rabbitmq <url>', 'use this RabbitMQ (amqp://user:password@host:5672/vhost) instead of the embedded broker'))
    .addOption(new Option('--rabbitmq-management <url>', "its management API, where that is not at the broker's host and the usual port"))
    .addOption(new Option('--redis <url>', 'use this Redis or Valkey instead of the in-memory store'))
    .addOption(new Option('--offline', "answer in the model's place with a marked stand-in; no API key is needed").default(false))
    .addOption(new Option('--capture-outputs', 'show outputs instead of sending them').default(false))
    .addOption(new Option('--log <format>', 'how log lines look').choices(['text', 'json']).default('text'))
    .addOption(new Option('--fire <schedule>', 'run this AgentSchedule at once, too, as `kubectl create job --from=cronjob/…` does'))
    .addOption(new Option('--once', ONCE).default(false))
    .action(async (paths: string[], options: DevOptions) => finish(await dev(paths, options, process.env, lost)));

  program
    .command('validate')
    .description('Check files as the API server and the operator do, without either.')
    .argument('<path...>', 'YAML files, or folders of them (subfolders are not looked at)')
    .action((paths: string[]) => {
      validate(paths, terminal);
      finish(0);
    });

  program
    .command('render')
    .description('Print what each agent and schedule becomes: broker topology, runner configuration, gateway routes, tick configuration.')
    .argument('<path...>', 'YAML files, or folders of them (subfolders are not looked at)')
    .action((paths: string[]) => {
      render(paths, terminal);
      finish(0);
    });

  program
    .command('estimate')
    .description(
      'Say what agents will cost: tokens and money of a run, a day and a month. The provider counts the input where there is an API key (Secret documents, ANTHROPIC_API_KEY); else an upper bound is given.',
    )
    .argument(
      '<path...>',
      'YAML files, or folders of them (subfolders are not looked at), with EventAgent, AgentSchedule and Secret documents',
    )
    .addOption(new Option('--events <file...>', 'events to estimate with: CloudEvents in JSON, or JSON bodies of webhooks'))
    .addOption(new Option('--type <type>', "type of the events that are no CloudEvents; github.<event> reads GitHub's deliveries"))
    .addOption(new Option('--source <source>', 'source of the events that are no CloudEvents'))
    .addOption(new Option('--per-month <runs>', 'how many such events each agent runs a month').argParser(runs))
    .addOption(
      new Option('--receipts <file>', 'what runs have used: JSON objects with outputTokens; the output is then from their mean up'),
    )
    .addOption(new Option('--offline', 'ask nobody; give an upper bound of the input').default(false))
    .addOption(new Option('--json', 'print JSON, amounts in nano-USD').default(false))
    .action(async (paths: string[], options: EstimateOptions) => {
      await estimate(paths, options, process.env, terminal, lost);
      finish(0);
    });

  const events = program.command('events').description('What became of the events of an agent: their receipts, as long as those are kept.');
  const { look, work } = remoteCommands(finish, outlet);
  look(
    events
      .command('ls')
      .description('List the receipts of an agent, the newest first, and what they come to.')
      .argument('<agent>', 'NAMESPACE/NAME', agentRef)
      .addOption(new Option('--outcome <outcome>', 'only those that ended so').choices(['done', 'dead', 'filtered', 'stale', 'expired']))
      .addOption(new Option('--since <time>', 'only those that ended in this time: 90s, 15m, 6h, 30d').argParser(duration))
      .addOption(new Option('--limit <number>', 'show so many; the sums are those of all').argParser(atLeastOne).default(20))
      .addOption(new Option('--json', 'one line of JSON each, and no sums; money in nano-USD').default(false))
      .addOption(storeOption()),
    async (agent: AgentRef, options: ListOptions) => {
      await listEvents(agent, options, terminal);
      finish(0);
    },
  );
  look(
    events
      .command('show')
      .description('Show the receipt of one event.')
      .argument('<agent>', 'NAMESPACE/NAME', agentRef)
      .argument('<id>', "the event's id")
      .addOption(new Option('--json', 'as JSON; money in nano-USD').default(false))
      .addOption(storeOption()),
    async (agent: AgentRef, id: string, options: StoreFlags & { readonly json: boolean }) => {
      await showEvent(agent, id, options, terminal);
      finish(0);
    },
  );

  work(
    program
      .command('store')
      .description('What is to be done by hand about the store of an agent.')
      .command('acknowledge')
      .description('Let an agent that holds with StoreLost go on, with a store that has forgotten what was run.')
      .argument('<agent>', 'NAMESPACE/NAME', agentRef)
      .addOption(storeOption()),
    async (agent: AgentRef, options: StoreFlags) => {
      await acknowledgeLoss(agent, options, terminal);
      finish(0);
    },
  );

  addDeadLetterCommands(program, terminal, finish, outlet);
  return program;
}

/** A look is over when the broker has its consumers back, and ends with whoever reads it. */
const LOOK: RemoteManner = { deadlineSeconds: 3600, endsWithReader: true };

/** Ten events a minute are 14,400 a day. */
const WORK: RemoteManner = { deadlineSeconds: 86_400, endsWithReader: false };

/** What makes a command one that runs here or as a Job in a cluster. */
function remoteCommands(finish: (code: ExitCode) => void, outlet: Outlet) {
  const manner =
    (how: RemoteManner) =>
    <Args extends readonly unknown[]>(command: Command, here: (...args: Args) => Promise<void>, remotely: Remotely = {}): Command =>
      withClusterFlags(command, remotely, async (remote) => finish(await runFromHere(remote, how, outlet)), here);
  return { look: manner(LOOK), work: manner(WORK) };
}

function addDeadLetterCommands(program: Command, terminal: Terminal, finish: (code: ExitCode) => void, outlet: Outlet): void {
  const { look, work } = remoteCommands(finish, outlet);
  const dlq = program.command('dlq').description("Look at agents' dead letters, which stay where they are.");

  look(
    withFilterFlags(withBrokerFlags(dlq.command('ls').description('List the dead letters of an agent by cause.')))
      .argument('<agent>', 'NAMESPACE/NAME', agentRef)
      .addOption(new Option('--json', 'one JSON object').default(false)),
    async (agent: AgentRef, options: DlqLsOptions) => {
      await dlqLs(agent, options, terminal);
      finish(0);
    },
  );

  look(
    withBrokerFlags(dlq.command('show').description('Show one dead letter: what its event says of itself, and why it died.'))
      .argument('<agent>', 'NAMESPACE/NAME', agentRef)
      .argument('<id>', 'id of the event')
      .addOption(new Option('--data', "the event's data, too").default(false))
      .addOption(new Option('--json', 'a CloudEvent in JSON').default(false)),
    async (agent: AgentRef, id: string, options: DlqShowOptions) => {
      await dlqShow(agent, id, options, terminal);
      finish(0);
    },
  );

  look(
    withFilterFlags(
      withBrokerFlags(
        dlq
          .command('export')
          .description(
            'Write dead letters, data included, as CloudEvents in structured mode, one a line; why they died is in attributes that begin with `dead`.',
          ),
      ),
    ).argument('<agent>', 'NAMESPACE/NAME', agentRef),
    async (agent: AgentRef, options: DlqExportOptions) => {
      try {
        await dlqExport(agent, options, terminal, lineWriter(outlet.stdout, outlet.lost));
      } catch (error) {
        // A reader that has gone has seen what it wanted.
        if (!outlet.lost.aborted) throw error;
      }
      finish(0);
    },
  );

  look(
    withBrokerFlags(dlq.command('review').description('Report on the dead letters of agents by cause, compared with the last report.'))
      .argument('<agent...>', 'NAMESPACE/NAME', (text: string, before: readonly AgentRef[] = []) => [...before, agentRef(text)])
      .addOption(new Option('--format <format>', 'how the report looks').choices(reviewFormats).default('text'))
      .addOption(new Option('--since-report <file>', 'compare with this report, which was written with --format json; not in a cluster')),
    async (agents: readonly AgentRef[], options: DlqReviewOptions) => {
      await dlqReview(agents, options, terminal);
      finish(0);
    },
    {
      localFile: {
        attribute: 'sinceReport',
        flag: '--since-report',
        instead: 'leave it out, or give --rabbitmq; an AgentSchedule with spec.deadLetterReview compares each report with the last',
      },
    },
  );

  work(
    withFilterFlags(
      withBrokerFlags(program.command('redrive').description('Run dead letters of an agent again, each as the event that it is.')),
    )
      .argument('<agent>', 'NAMESPACE/NAME', agentRef)
      .addOption(storeOption())
      .addOption(new Option('--dry-run', 'say what would be done, and change nothing').default(false))
      .addOption(new Option('--rate <pace>', 'events a second or a minute, e.g. 10/s; as fast as it goes without').argParser(pace))
      .addOption(new Option('--limit <number>', 'redrive no more than this many').argParser(atLeastOne))
      .addOption(
        new Option(
          '--stop-at-failures <percent>',
          'have at most 50 redriven events under way, wait for their ends, and stop when so many of a hundred of the last 20 died again, 1 to 100',
        ).argParser(percent),
      )
      .addOption(new Option('--json', 'one JSON object at the end').default(false)),
    async (agent: AgentRef, options: RedriveOptions) => {
      await redriveCommand(agent, options, terminal, stopSignal());
      finish(0);
    },
  );
}

function runs(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to 1000000000.');
  return value;
}

function storeOption(): Option {
  return new Option(
    '--redis <url>',
    `the store of the agent (redis://user:password@host:6379/0); without it ${REDIS_VARIABLE}, or in a pod its own`,
  );
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('It must be a number from 0 to 65535; 0 takes a free port.');
  return value;
}

/** Refuses help on a command that there is not, for which commander would give that on all of them. Throws `CommanderError`, as parsing does. */
export function refuseUnknownHelp(program: Command, args: readonly string[]): void {
  const words = args.filter((arg) => !arg.startsWith('-'));
  const asked = words[0] === 'help' ? words.slice(1) : args.some((arg) => arg === '--help' || arg === '-h') ? words : [];
  let command: Command = program;
  for (const word of asked) {
    if (command.commands.length === 0 || word === 'help') return;
    const next = command.commands.find((inner) => inner.name() === word);
    if (next === undefined) command.error(`error: unknown command '${word}'`);
    command = next;
  }
}
