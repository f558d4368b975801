import { Command, InvalidArgumentError, Option } from 'commander';
import { version } from '../lib/version.ts';
import { type DevOptions, dev } from './commands/dev.ts';
import { type EstimateOptions, estimate } from './commands/estimate.ts';
import { render } from './commands/render.ts';
import { validate } from './commands/validate.ts';
import type { ExitCode } from './exit.ts';
import type { Terminal } from './terminal.ts';

const ONCE =
  'exit when the first event is settled: 0 if its run is done; 1 if it failed, was discarded by a rule (filter, duplicate, TTL), or a signal came first';

/** The command line. `finish` is told the exit code of a command that has ended; `lost` is aborted when nobody takes its output any more. */
export function createProgram(terminal: Terminal, finish: (code: ExitCode) => void, lost = new AbortController().signal): Command {
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
    .argument('<path...>', 'YAML files, or folders of them, with EventAgent, AgentSchedule and Secret documents')
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
    .argument('<path...>', 'YAML files, or folders of them')
    .action((paths: string[]) => {
      validate(paths, terminal);
      finish(0);
    });

  program
    .command('render')
    .description('Print what each agent and schedule becomes: broker topology, runner configuration, gateway routes, tick configuration.')
    .argument('<path...>', 'YAML files, or folders of them')
    .action((paths: string[]) => {
      render(paths, terminal);
      finish(0);
    });

  program
    .command('estimate')
    .description(
      'Say what agents will cost: tokens and money of a run, a day and a month. The provider counts the input where there is an API key (Secret documents, ANTHROPIC_API_KEY); else an upper bound is given.',
    )
    .argument('<path...>', 'YAML files, or folders of them, with EventAgent, AgentSchedule and Secret documents')
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
  return program;
}

function runs(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to 1000000000.');
  return value;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('It must be a number from 0 to 65535; 0 takes a free port.');
  return value;
}

/** Refuses help on a command that there is not, for which commander would give that on all of them. Throws `CommanderError`, as parsing does. */
export function refuseUnknownHelp(program: Command, args: readonly string[]): void {
  const words = args.filter((arg) => !arg.startsWith('-'));
  const asked = words[0] === 'help' ? words[1] : args.some((arg) => arg === '--help' || arg === '-h') ? words[0] : undefined;
  if (asked !== undefined && asked !== 'help' && !program.commands.some((command) => command.name() === asked))
    program.error(`error: unknown command '${asked}'`);
}
