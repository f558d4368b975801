import { Command, InvalidArgumentError, Option } from 'commander';
import { version } from '../lib/version.ts';
import { type DevOptions, dev } from './commands/dev.ts';
import { render } from './commands/render.ts';
import { validate } from './commands/validate.ts';
import type { ExitCode } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** The command line. `finish` is told the exit code of a command that has ended. */
export function createProgram(terminal: Terminal, finish: (code: ExitCode) => void): Command {
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
    .argument('<path...>', 'YAML files, or folders of them, with EventAgent and Secret documents')
    .addOption(new Option('--port <port>', 'port of the gateway, on 127.0.0.1').argParser(port).default(8080))
    .addOption(new Option('--metrics-port <port>', 'port of /metrics, /healthz and /readyz').argParser(port).default(9090))
    .addOption(new Option('--rabbitmq <url>', 'use this RabbitMQ (amqp://user:password@host:5672/vhost) instead of the embedded broker'))
    .addOption(new Option('--rabbitmq-management <url>', "its management API, where that is not at the broker's host and the usual port"))
    .addOption(new Option('--redis <url>', 'use this Redis or Valkey instead of the in-memory store'))
    .addOption(new Option('--offline', "answer in the model's place with a marked stand-in; no API key is needed").default(false))
    .addOption(new Option('--capture-outputs', 'show outputs instead of sending them').default(false))
    .addOption(new Option('--log <format>', 'how log lines look').choices(['text', 'json']).default('text'))
    .addOption(new Option('--once', 'exit after the first run has ended: 0 if it is done, else 1').default(false))
    .action(async (paths: string[], options: DevOptions) => finish(await dev(paths, options, process.env)));

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
    .description('Print what each agent becomes: broker topology, runner configuration, gateway routes.')
    .argument('<path...>', 'YAML files, or folders of them')
    .action((paths: string[]) => {
      render(paths, terminal);
      finish(0);
    });
  return program;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('It must be a number from 0 to 65535; 0 takes a free port.');
  return value;
}
