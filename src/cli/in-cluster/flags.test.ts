import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Command, Option } from 'commander';
import { agentRef, atLeastOne, RABBITMQ_VARIABLE, withBrokerFlags, withFilterFlags } from '../dlq/flags.ts';
import { type RemoteCommand, withClusterFlags } from './flags.ts';

/** What a command does with these words: what it would run in a cluster, or the arguments that it runs with here. */
async function parsed(words: readonly string[]): Promise<RemoteCommand | readonly unknown[] | undefined> {
  let ran: RemoteCommand | readonly unknown[] | undefined;
  const program = new Command('eventagent');
  const command = withFilterFlags(withBrokerFlags(program.command('dlq').command('ls')))
    .argument('<agent>', 'NAMESPACE/NAME', agentRef)
    .argument('[id]')
    .addOption(new Option('--json').default(false))
    .addOption(new Option('--limit <number>').argParser(atLeastOne).default(20))
    .addOption(new Option('--since-report <file>'));
  withClusterFlags(
    command,
    { localFile: { attribute: 'sinceReport', flag: '--since-report', instead: 'leave it out' } },
    async (remote) => {
      ran = remote;
    },
    async (...args) => {
      ran = args;
    },
  );
  await program.parseAsync(words, { from: 'user' });
  return ran;
}

const agents = [{ namespace: 'a', name: 'b' }];

suite('a command that may be run in a cluster', () => {
  test('is run here without a flag of a cluster', async () => {
    const ran = (await parsed(['dlq', 'ls', 'a/b', 'x', '--json'])) as readonly unknown[];
    assert.deepEqual(ran.slice(0, 2), [agents[0], 'x']);
    assert.partialDeepStrictEqual(ran[2], { json: true, limit: 20 });
  });

  const cases: readonly (readonly [words: readonly string[], cluster: object, there: readonly string[]])[] = [
    [['a/b', '--in-cluster'], {}, ['--', 'a/b']],
    [['a/b', '--kubeconfig', 'f'], { file: 'f' }, ['--', 'a/b']],
    [['--context=c', 'a/b', '--kubeconfig=f'], { file: 'f', context: 'c' }, ['--', 'a/b']],
    [['a/b', 'id', '--json', '--in-cluster'], {}, ['--json', '--', 'a/b', 'id']],
    [['--in-cluster', '--', 'a/b', '--json'], {}, ['--', 'a/b', '--json']],
    // As they were written, and not what was made of them.
    [['--older-than', '90s', 'a/b', '--limit', '7', '--in-cluster'], {}, ['--older-than=90s', '--limit=7', '--', 'a/b']],
    [['--type', '--context', 'a/b', '--context', 'c'], { context: 'c' }, ['--type=--context', '--', 'a/b']],
    [['--type', 'a b', '--type', "'$(X)'", 'a/b', '--in-cluster'], {}, ["--type='$(X)'", '--', 'a/b']],
    [['--type=', '--prefix', 'x', 'a/b', '--in-cluster'], {}, ['--type=', '--prefix=x', '--', 'a/b']],
  ];
  for (const [words, cluster, there] of cases)
    test(`is run there: ${words.join(' ')}`, async () =>
      assert.deepEqual(await parsed(['dlq', 'ls', ...words]), { cluster, agents, words: ['dlq', 'ls', ...there] }));

  test('is run there whatever URLs the environment has, which do not go with it', async (t) => {
    process.env[RABBITMQ_VARIABLE] = 'amqp://user:hunter2@host';
    t.after(() => delete process.env[RABBITMQ_VARIABLE]);
    assert.deepEqual(await parsed(['dlq', 'ls', 'a/b', '--in-cluster']), { cluster: {}, agents, words: ['dlq', 'ls', '--', 'a/b'] });
  });

  for (const [words, message] of [
    [
      ['--rabbitmq', 'amqp://user:hunter2@host'],
      /^--rabbitmq: a Job in the cluster takes the agent's own: leave out this flag, or those of the cluster$/,
    ],
    [['--since-report', 'last.json'], /^--since-report names a file on this machine, which a Job does not see: leave it out$/],
  ] as const)
    test(`is refused with ${words[0]}`, () =>
      assert.rejects(parsed(['dlq', 'ls', 'a/b', '--in-cluster', ...words]), { name: 'InputError', message }));
});
