import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brokerNames } from '../api/names.ts';
import { InputError, messageOf } from '../lib/errors.ts';
import { deliveryCommand } from './demo/delivery.ts';
import { DemoFailed, type DevChild, startDevChild } from './demo/dev-child.ts';
import { createPage, type Page } from './demo/page.ts';
import { tellStory } from './demo/story.ts';
import { tellLine } from './demo/tell.ts';
import type { ExitCode } from './exit.ts';
import { load, secretRefsOf } from './load.ts';
import { watchOutput } from './output-watch.ts';
import { processTerminal } from './terminal.ts';

const USAGE = 'usage: npm run demo [-- --keep]\n  --keep  leave it running afterwards, with the addresses and a command to send more';

const sample = fileURLToPath(new URL('../../config/samples/pr-reviewer.yaml', import.meta.url));
const delivery = fileURLToPath(new URL('../../config/samples/deliveries/pull_request.opened.json', import.meta.url));

/** How long `dev` may take to be ready. */
const START_MS = 15_000;

const output = watchOutput(process.stdout, 'standard output');
watchOutput(process.stderr, 'standard error');

/** Runs `dev` on a sample, sends it what GitHub would send, and tells what happens. */
async function main(args: readonly string[]): Promise<ExitCode> {
  const keep = parse(args);
  if (keep === undefined) {
    processTerminal.err(USAGE);
    return 2;
  }
  const startedAt = performance.now();
  const page = createPage(processTerminal, process.stdout.isTTY === true && !process.env.NO_COLOR);
  const [loaded] = load([sample]).agents;
  const secret = webhookSecret();
  if (loaded === undefined) throw new InputError('InvalidResource', `${sample}: no EventAgent in there`);
  introduce(page);

  let told = false;
  const offline = process.env.ANTHROPIC_API_KEY ? [] : ['--offline'];
  const dev = startDevChild([sample, '--capture-outputs', '--port', '0', '--metrics-port', '0', ...offline], (line) => {
    if (told) tellLine(page, line, brokerNames(loaded.agent.metadata).dead);
  });
  const interrupted = interruption(dev);
  try {
    const ready = await dev.line('dev to be ready', ({ msg }) => msg === 'ready', START_MS);
    const [url = ''] = ready.webhooks as readonly string[];
    const webhook = { url, secret };
    await tellStory({ dev, page, agent: loaded.agent.metadata, webhook, delivery });
    page.heading(`Done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
    if (keep) {
      told = true;
      page.line('Still running; Ctrl-C ends it.');
      page.facts([
        ['webhook', url],
        ['metrics', String(ready.metrics)],
      ]);
      page.line('Send the delivery once more, with an id of its own:');
      page.line();
      processTerminal.out(deliveryCommand(webhook, relative(process.cwd(), delivery)));
      page.line();
      await Promise.race([interrupted.promise, dev.exit]);
      if (!interrupted.happened()) throw new DemoFailed('DevEnded', `dev ended by itself, with exit code ${await dev.exit}`);
    } else {
      page.line('Next: npm run demo -- --keep leaves it running; bin/eventagent dev FILE runs an agent of yours.');
    }
    return 0;
  } catch (error) {
    if (interrupted.happened()) return keep || output.lost.aborted ? 0 : 1;
    throw error;
  } finally {
    dev.stop();
    await dev.exit;
  }
}

function parse(args: readonly string[]): boolean | undefined {
  try {
    return parseArgs({ args: [...args], options: { keep: { type: 'boolean', default: false } } }).values.keep;
  } catch (error) {
    processTerminal.err(`demo: ${messageOf(error)}`);
    return undefined;
  }
}

function introduce(page: Page): void {
  page.heading('EventAgent demo: a signed GitHub webhook becomes a review by Claude');
  page.line(`${relative(process.cwd(), sample)} runs on this machine, on a broker and a store in memory; its output is shown, not sent.`);
  if (process.env.ANTHROPIC_API_KEY) page.line('The model is asked with the key in ANTHROPIC_API_KEY; that costs about a cent.');
  else page.line('ANTHROPIC_API_KEY is not set, so no model is asked: a marked stand-in shows what it would have been asked.');
}

/** The secret that GitHub would sign with: the one in the sample. */
function webhookSecret(): string {
  const { agents, secrets } = load([sample]);
  const refs = agents.flatMap(({ agent }) => secretRefsOf(agent)).filter(({ use }) => use === 'webhook');
  const values = refs.flatMap(({ ref }) => secrets.find(({ name }) => name === ref.name)?.values.get(ref.key) ?? []);
  const [value] = values;
  if (value === undefined) throw new InputError('SecretMissing', `${sample}: the Secret of its webhook is not in there`);
  return value;
}

/** Ctrl-C and its kin, and a reader that has seen enough: `dev` is asked to stop, and whoever waits goes on. */
function interruption(dev: DevChild): { readonly promise: Promise<void>; readonly happened: () => boolean } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let happened = false;
  const interrupt = () => {
    happened = true;
    dev.stop();
    resolve();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  if (output.lost.aborted) interrupt();
  else output.lost.addEventListener('abort', interrupt, { once: true });
  return { promise, happened: () => happened };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  processTerminal.err(`demo: ${messageOf(error)}`);
  process.exitCode = error instanceof InputError ? 2 : 1;
  if (!(error instanceof DemoFailed || error instanceof InputError)) throw error;
}
const unwritten = await output.settled();
if (unwritten !== undefined) {
  processTerminal.err(`demo: ${unwritten}`);
  process.exitCode = 1;
}
