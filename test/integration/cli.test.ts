import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { stringify } from 'yaml';
import { runCli, startDev } from '../support/dev-process.ts';
import { reviewAgent } from '../support/review-agent.ts';

const REDRIVE = join(import.meta.dirname, '../../config/samples/redrives/after-a-fix.yaml');

/** What a row may change in a document of a good manifest. */
type Loose = { metadata: Record<string, unknown>; spec: Record<string, Record<string, unknown>> } & Record<string, unknown>;

/** A manifest that works: an EventAgent, and the Secrets webhook, anthropic and sink. */
function goodManifest(): [agent: Loose, ...secrets: Loose[]] {
  const nobody = 'http://127.0.0.1:1';
  return structuredClone(reviewAgent({ claudeUrl: nobody, sinkUrl: nobody })) as [Loose, ...Loose[]];
}

function text(documents: readonly object[]): string {
  return documents.map((document) => `---\n${stringify(document)}`).join('');
}

/** A good manifest with something changed in it. */
function changed(change: (agent: Loose, ...secrets: Loose[]) => void): string {
  const documents = goodManifest();
  change(...documents);
  return text(documents);
}

/** A good manifest with a second agent, `other`, that is changed. */
function withOther(change: (other: Loose) => void): string {
  const documents = goodManifest();
  const other = structuredClone(documents[0]);
  other.metadata.name = 'other';
  other.spec.triggers = [] as unknown as Record<string, unknown>;
  change(other);
  return text([...documents, other]);
}

const without = (secret: string) => text(goodManifest().filter(({ kind, metadata }) => kind !== 'Secret' || metadata.name !== secret));

/** A manifest, and what is said of it; FILE stands for its name. */
const manifests: readonly (readonly [name: string, yaml: string, says: RegExp])[] = [
  [
    'YAML that does not parse',
    'kind: [EventAgent\nspec: {}',
    /^\S*FILE:2: a list or a map in brackets is not closed before this line: end it with \]/,
  ],
  [
    'a Secret that begins with a special character of YAML',
    text(goodManifest()).replace('secret: ', 'secret: *hunter2 #'),
    /^\S*FILE:\d+: a value that begins with a special character of YAML .* must be put in quotes\n$/,
  ],
  [
    'a number where a text is wanted',
    changed(({ spec }) => Object.assign(spec, { budget: { perDay: { usd: 0.05 } } })),
    /^\S*FILE:\d+: spec\.budget\.perDay\.usd: .* must be of type string: "number"; put it in quotes\n$/,
  ],
  [
    'several things in several documents',
    `a: [\n---\n${changed(({ spec }) => Object.assign(spec, { filter: 'true &&' }))}---\nkind: Pod\napiVersion: v1\n`,
    /^\S*FILE:2: a list or a map in brackets .*\n\S*FILE:\d+: Pod of v1 is not read here.*\n\S*FILE:\d+: spec\.filter: .*\n$/,
  ],
  ['a key given twice', 'apiVersion: v1\nkind: Secret\nkind: Secret\n', /FILE:3: Map keys must be unique/],
  [
    'an agent given twice',
    text([...goodManifest(), goodManifest()[0]]),
    /FILE:\d+: EventAgent test\/reviewer is given twice, first in .*FILE:2/,
  ],
  [
    'another version of the API',
    changed((agent) => Object.assign(agent, { apiVersion: 'eventagent.dev/v2' })),
    /FILE:2: EventAgent of eventagent\.dev\/v2 is not read here: only .*v1alpha1/,
  ],
  ['something that is no resource', 'hello: world', /FILE:1: not a Kubernetes resource: apiVersion and kind are missing/],
  [
    'a Secret whose value is a number',
    changed((_, secret) => Object.assign(secret, { stringData: { secret: 5 } })),
    /FILE:\d+: Secret: stringData\.secret: must be a string: put it in quotes/,
  ],
  [
    'a Secret that is not base64',
    changed((_, secret) => Object.assign(secret, { data: { secret: 'not base64!' } })),
    /FILE:\d+: Secret: data\.secret: must be base64/,
  ],
  [
    'a field that there is not',
    changed(({ spec }) => Object.assign(spec.agent ?? {}, { temprature: 1 })),
    /FILE:24: spec\.agent\.temprature: unknown field/,
  ],
  [
    'a number out of its range',
    changed(({ spec }) => Object.assign(spec, { delivery: { maxAttempts: 11 } })),
    /FILE:36: spec\.delivery\.maxAttempts: Invalid value: 11: .*less than or equal to 10/,
  ],
  ['a field that is missing', changed(({ spec }) => delete spec.agent?.prompt), /FILE:16: spec\.agent\.prompt: Required value/],
  [
    'a prompt that does not parse',
    changed(({ spec }) => Object.assign(spec.agent ?? {}, { prompt: 'PR {{ event.id' })),
    /FILE:22: spec\.agent\.prompt: line 1, column 4: output "\{\{ event\.id" not closed/,
  ],
  [
    'a prompt with a variable that there is not',
    changed(({ spec }) => Object.assign(spec.agent ?? {}, { prompt: '{{ evnt.id }}' })),
    /spec\.agent\.prompt: line 1, column 4: unknown variable evnt; there is agent, event/,
  ],
  [
    'a filter that does not parse',
    changed((agent) => Object.assign(agent.spec, { filter: 'event.type ==' })),
    /FILE:\d+: spec\.filter: line 1, column \d+: /,
  ],
  [
    'a filter on a field that there is not',
    changed((agent) => Object.assign(agent.spec, { filter: 'event.typ == "x"' })),
    /FILE:\d+: spec\.filter: line 1, column 7: .*event has id, source, type/,
  ],
  [
    'a filter that is neither true nor false',
    changed((agent) => Object.assign(agent.spec, { filter: 'event.type' })),
    /FILE:\d+: spec\.filter: .*a filter is true or false, for example/,
  ],
  [
    'a base URL that is none',
    changed(({ spec }) => Object.assign(spec.agent ?? {}, { baseUrl: 'claude' })),
    /FILE:21: spec\.agent\.baseUrl: Invalid value: write it as https:\/\/host:port\/path/,
  ],
  [
    'a base URL with a password, which is not quoted',
    changed(({ spec }) => Object.assign(spec.agent ?? {}, { baseUrl: 'https://u:hunter2@claude' })),
    /FILE:21: spec\.agent\.baseUrl: Invalid value: write it as https:\/\/host:port\/path .*without user, password/,
  ],
  ...(
    [
      ['of another scheme', 'ftp://example.com/', 'url: Invalid value: begin the url with https:\\/\\/'],
      ['without a scheme', 'example.com/hook', 'url: Invalid value: begin the url with https:\\/\\/'],
      [
        'with a password, which is not quoted',
        'https://u:hunter2@example.com/',
        'url: Invalid value: a url carries no user and no password',
      ],
      ['without a host', 'https:///hook', 'url: Invalid value: the url names no host: write it as https:\\/\\/host\\/path'],
      ['with a host from the event', 'https://{{ event.data.h }}/', 'allowedHosts: Invalid value: the host of the url is not written out'],
    ] as const
  ).map(([name, url, says]): (typeof manifests)[number] => [
    `an output's URL ${name}`,
    changed(({ spec }) => {
      const [output] = spec.outputs as unknown as [{ http: Record<string, unknown> }];
      output.http.url = url;
      delete output.http.allowedHosts;
    }),
    new RegExp(`^\\S*FILE:\\d+: spec\\.outputs\\[0\\]\\.http\\.${says}[^\\n]*\\n$`),
  ]),
  [
    'a base URL with a port that there is not',
    changed(({ spec }) => Object.assign(spec.agent ?? {}, { baseUrl: 'http://claude:99999' })),
    /FILE:21: spec\.agent\.baseUrl: not a URL: correct the host or the port/,
  ],
  [
    'two triggers on one path',
    withOther((other) =>
      Object.assign(other.spec, { triggers: [{ name: 'hook', webhook: { path: '/reviewer/github', verification: { scheme: 'None' } } }] }),
    ),
    /FILE:\d+: spec\.triggers\[0\]\.webhook\.path: \/reviewer\/github belongs to trigger github of test\.reviewer already: give this trigger a path of its own/,
  ],
  ['two agents of which one is wrong', withOther((other) => Object.assign(other.spec, { filter: 'true &&' })), /FILE:\d+: spec\.filter: /],
  [
    'agents of two namespaces',
    withOther((other) => Object.assign(other.metadata, { namespace: 'elsewhere' })),
    /several namespaces: test \(.*FILE:6\), elsewhere \(.*FILE:\d+\); one dev process runs one/,
  ],
  ['no EventAgent', text(goodManifest().slice(1)), /FILE: no EventAgent in there: add a document/],
  [
    "no Secret of the model's key",
    without('anthropic'),
    /FILE:18: spec\.agent\.apiKeySecretRef: key api-key of Secret anthropic is in none of the given files: .*set ANTHROPIC_API_KEY, or use --offline/,
  ],
  [
    'no Secret of the webhook',
    without('webhook'),
    /FILE:14: spec\.triggers\[0\]\.webhook\.verification\.secretKeyRefs\[0\]: key secret of Secret webhook is in none of the given files: add a Secret document/,
  ],
  [
    'the Secret of the webhook in another namespace',
    changed((_, secret) => Object.assign(secret.metadata, { namespace: 'elsewhere' })),
    /FILE:14: .*secretKeyRefs\[0\]: Secret webhook is in namespace elsewhere \(\S*FILE:\d+\), and the agent in namespace test: put both in one/,
  ],
  [
    'no Secret of the output',
    without('sink'),
    /FILE:31: spec\.outputs\[0\]\.http\.headersFrom\[0\]\.secretKeyRef: key authorization of Secret sink is in none .*--capture-outputs/,
  ],
  [
    'an empty Secret',
    changed((_, secret) => Object.assign(secret, { stringData: { secret: '' } })),
    /FILE:14: .*key secret of Secret webhook is empty: give it a value/,
  ],
];

/** Arguments, and what is said of them; GOOD stands for a good manifest, EMPTY for a folder with nothing in it. */
const usages: readonly (readonly [name: string, args: readonly string[], says: RegExp])[] = [
  ['no command', [], /Usage: eventagent \[options\] \[command\][\s\S]*dev[\s\S]*validate[\s\S]*render/],
  ['a command that there is not', ['devv'], /unknown command 'devv'[\s\S]*dev/],
  ['help on a command that there is not', ['help', 'bogus'], /^error: unknown command 'bogus'\nAdd --help to see what there is\.\n$/],
  ['a command that there is not, with --help', ['bogus', '--help'], /^error: unknown command 'bogus'\n/],
  ['the same in another order', ['-h', 'bogus'], /^error: unknown command 'bogus'\n/],
  ['dev without a file', ['dev'], /missing required argument 'path'[\s\S]*--help/],
  ['dev with a file that there is not', ['dev', 'nowhere.yaml'], /nowhere\.yaml: there is no such file or directory/],
  ['validate with a file that there is not', ['validate', 'nowhere.yaml'], /nowhere\.yaml: there is no such file or directory/],
  ['render with a file that there is not', ['render', 'nowhere.yaml'], /nowhere\.yaml: there is no such file or directory/],
  ['dev with a folder without YAML', ['dev', 'EMPTY'], /empty: no \*\.yaml or \*\.yml in this directory/],
  ['a flag that there is not', ['dev', 'GOOD', '--rabitmq', 'x'], /unknown option '--rabitmq'[\s\S]*--rabbitmq/],
  ['a port that there is not', ['dev', 'GOOD', '--port', '99999'], /'--port <port>' argument '99999' is invalid.*0 to 65535/],
  ['a port that is no number', ['dev', 'GOOD', '--metrics-port', '9e3'], /'--metrics-port <port>' argument '9e3' is invalid/],
  [
    'one port for two',
    ['dev', 'GOOD', '--port', '19090', '--metrics-port', '19090'],
    /--port and --metrics-port are both 19090: choose another/,
  ],
  ['a format of the log that there is not', ['dev', 'GOOD', '--log', 'xml'], /'--log <format>' argument 'xml' is invalid.*text, json/],
  ['a broker that is no URL', ['dev', 'GOOD', '--rabbitmq', 'localhost'], /--rabbitmq: not a URL of the form amqp:/],
  [
    'a management API that is no URL',
    ['dev', 'GOOD', '--rabbitmq', 'amqp://h', '--rabbitmq-management', 'h'],
    /--rabbitmq-management: not a URL of the form http:/,
  ],
  [
    'a management API without its broker',
    ['dev', 'GOOD', '--rabbitmq-management', 'http://h'],
    /--rabbitmq-management: belongs to --rabbitmq/,
  ],
  ['a store that is no URL', ['dev', 'GOOD', '--redis', 'localhost:6379'], /--redis: not a URL of the form redis:/],
];

suite('wrong input is answered with what, where and what to do, and nothing is started', { concurrency: 3 }, () => {
  let folder = '';
  let good = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'eventagent-cli-'));
    good = join(folder, 'good.yaml');
    await writeFile(good, text(goodManifest()));
    await mkdir(join(folder, 'empty'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function refused(args: readonly string[], says: RegExp): Promise<void> {
    const { code, stdout, stderr } = await runCli(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /\n\s+at |fault of eventagent/, 'no stack trace');
    assert.doesNotMatch(stderr, /hunter2/, 'no password');
    assert.equal(stdout, '', 'nothing was started');
  }

  for (const [index, [name, yaml, says]] of manifests.entries())
    test(name, async () => {
      const file = join(folder, `${index}.yaml`);
      await writeFile(file, yaml);
      await refused(['dev', file, '--port', '0', '--metrics-port', '0'], new RegExp(says.source.replaceAll('FILE', `${index}\\.yaml`)));
    });

  for (const [name, args, says] of usages)
    test(name, () =>
      refused(
        args.map((arg) => (arg === 'GOOD' ? good : arg === 'EMPTY' ? join(folder, 'empty') : arg)),
        says,
      ),
    );

  test('a redrive and nothing else to run; beside an agent it is told that it is left out', async () => {
    await refused(['dev', REDRIVE], /after-a-fix\.yaml:\d+: DeadLetterRedrive platform\/after-the-fix is left out: it is for a cluster/);
    const { code, stdout, stderr } = await runCli(['render', good, REDRIVE]);
    assert.equal(code, 0);
    assert.match(stdout, /^topology:/m);
    assert.match(stderr, /^warning: .*DeadLetterRedrive platform\/after-the-fix is left out/);
  });

  test('what is legal and unwise, or not looked at, is said by whatever reads it', async () => {
    const some = await mkdtemp(join(folder, 'some-'));
    await mkdir(join(some, 'more'));
    const agent = changed(({ spec }) => Object.assign(spec, { budget: { perDay: { tokens: 1 } } }));
    await writeFile(join(some, 'agent.yaml'), agent);
    const event = join(some, 'event.json');
    await writeFile(event, '{}');
    const unseen = /some-\w+: its subfolder more is not looked at: /;
    const small = /agent\.yaml:\d+: spec\.budget\.perDay: .*no call is ever made/;
    for (const [says, args] of [
      [
        [unseen, small],
        ['validate', some],
      ],
      [[unseen], ['render', some]],
      [
        [unseen, small],
        ['estimate', some, '--offline', '--events', event],
      ],
    ] as const) {
      const { code, stderr } = await runCli(args);
      assert.equal(code, 0, stderr);
      for (const line of says) assert.match(stderr, new RegExp(`^warning: \\S*${line.source}`, 'm'));
    }
    await using dev = await startDev([some, '--offline']);
    for (const line of [unseen, small]) assert.ok(dev.lines().some(({ level, msg }) => level === 'warn' && line.test(String(msg))));
  });

  for (const flag of ['--port', '--metrics-port'])
    test(`${flag} that somebody else listens on`, async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const address = other.address();
      const port = String(typeof address === 'object' ? address?.port : address);
      const rest = flag === '--port' ? '--metrics-port' : '--port';
      try {
        await refused(['dev', good, flag, port, rest, '0'], new RegExp(`${flag}: port ${port} is in use: .*choose another port`));
      } finally {
        other.close();
      }
    });

  for (const args of [['help'], ['--help'], ['help', 'dev'], ['dev', '--help'], ['--help', 'dev', 'x']])
    test(`and who asks for help gets it: ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runCli(args);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: eventagent/);
    });

  test('and what is right is started: the table does not refuse everything', async () => {
    const { code, stdout } = await runCli(['validate', good]);
    assert.deepEqual([code, stdout], [0, 'valid: test/reviewer\n']);
  });
});
