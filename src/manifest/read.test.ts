import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readManifests } from './read.ts';

const root = mkdtempSync(join(tmpdir(), 'manifests-'));
after(() => rmSync(root, { recursive: true }));

/** A folder of its own with these files. */
function folder(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(root, 'f-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

const agent = (name: string, namespace?: string) =>
  `apiVersion: eventagent.dev/v1alpha1\nkind: EventAgent\nmetadata: { name: ${name}${namespace === undefined ? '' : `, namespace: ${namespace}`} }\nspec: {}\n`;
const secret = (name: string, body: string) => `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${name}\n${body}`;

const schedule = (name: string) => `apiVersion: eventagent.dev/v1alpha1\nkind: AgentSchedule\nmetadata: { name: ${name} }\nspec: {}\n`;

describe('reading manifests', () => {
  it('takes agents and secrets from files and folders, in the order of their names', () => {
    const path = folder({
      'b.yml': agent('second'),
      'a.yaml': `${agent('first')}---\n${secret('keys', 'stringData:\n  k: v\n')}`,
      'notes.txt': ': not yaml',
    });
    const single = join(folder({ 'c.yaml': agent('third', 'team') }), 'c.yaml');
    const { agents, secrets } = readManifests([path, single]);
    assert.deepEqual(
      agents.map(({ file, line, value }) => [file, line, (value as { metadata: { name: string } }).metadata.name]),
      [
        [join(path, 'a.yaml'), 1, 'first'],
        [join(path, 'b.yml'), 1, 'second'],
        [single, 1, 'third'],
      ],
    );
    assert.deepEqual(secrets, [{ namespace: 'default', name: 'keys', values: new Map([['k', 'v']]), file: join(path, 'a.yaml'), line: 6 }]);
  });

  it('takes schedules, which may have the name of an agent', () => {
    const path = folder({ 'a.yaml': `${schedule('x')}---\n${agent('x')}` });
    const { agents, schedules, problems } = readManifests([path]);
    assert.deepEqual(
      [...schedules, ...agents].map(({ line }) => line),
      [1, 6],
    );
    assert.deepEqual(problems, []);
  });

  it('reads data in base64, stringData as it is, and prefers stringData', () => {
    const encoded = Buffer.from('geheim ✓\n').toString('base64');
    const path = folder({
      'a.yaml': secret(
        'keys',
        `type: Opaque\ndata:\n  a: ${encoded}\n  b: ${encoded}\n  wrapped: |\n    ${encoded.slice(0, 4)}\n    ${encoded.slice(4)}\nstringData: { b: plain }\n`,
      ),
    });
    assert.deepEqual(
      readManifests([path]).secrets[0]?.values,
      new Map([
        ['a', 'geheim ✓\n'],
        ['b', 'plain'],
        ['wrapped', 'geheim ✓\n'],
      ]),
    );
  });

  const refused: readonly (readonly [string, string, string, RegExp])[] = [
    ['another kind', 'apiVersion: apps/v1\nkind: Deployment\n', 'InvalidResource', /a\.yaml:1: Deployment of apps\/v1 is not read here/],
    [
      'another version',
      'apiVersion: eventagent.dev/v2\nkind: EventAgent\n',
      'InvalidResource',
      /a\.yaml:1: EventAgent of eventagent\.dev\/v2 is not read/,
    ],
    ['a document that is no resource', '# hello\nfoo: bar\n', 'InvalidResource', /a\.yaml:2: not a Kubernetes resource/],
    ['a document that is a word', 'hello\n', 'InvalidResource', /a\.yaml:1: not a Kubernetes resource/],
    ['broken YAML', 'a: 1\na: 2\n', 'NotYaml', /a\.yaml:2: Map keys must be unique/],
    [
      'an agent given twice',
      `${agent('x')}---\n${agent('x', 'default')}`,
      'InvalidResource',
      /a\.yaml:6: EventAgent default\/x is given twice, first in .*a\.yaml:1/,
    ],
    [
      'a schedule given twice',
      `${schedule('x')}---\n${schedule('x')}`,
      'InvalidResource',
      /a\.yaml:6: AgentSchedule default\/x is given twice, first in .*a\.yaml:1/,
    ],
    ['a secret given twice', `${secret('x', '')}---\n${secret('x', '')}`, 'InvalidResource', /a\.yaml:6: Secret default\/x is given twice/],
    ['a secret without a name', 'apiVersion: v1\nkind: Secret\n', 'InvalidResource', /a\.yaml:1: Secret: metadata\.name: Required value/],
    ['a secret with a field too many', secret('x', 'dtaa: {}\n'), 'InvalidResource', /a\.yaml:5: Secret: dtaa: unknown field/],
    ['data that is a list', secret('x', 'data: [hunter2]\n'), 'InvalidResource', /a\.yaml:5: Secret: data: must be a map of strings/],
    ['data that is not base64', secret('x', 'data:\n  k: hunter2-!\n'), 'InvalidResource', /a\.yaml:6: Secret: data\.k: must be base64/],
    ['data that is not text', secret('x', 'data:\n  k: /w==\n'), 'InvalidResource', /a\.yaml:6: Secret: data\.k: must be text in UTF-8/],
    [
      'a number as a value',
      secret('x', 'stringData:\n  k: 123456\n'),
      'InvalidResource',
      /a\.yaml:6: Secret: stringData\.k: must be a string: put it in quotes/,
    ],
  ];
  for (const [says, text, code, message] of refused)
    it(`refuses ${says}, with file and line`, () => {
      const [problem, ...others] = readManifests([folder({ 'a.yaml': text })]).problems;
      assert.deepEqual(others, []);
      assert.equal(problem?.code, code);
      assert.match(problem?.message ?? '', message);
      assert.doesNotMatch(problem?.message ?? '', /hunter2|123456|\/w==/, 'no value of a secret is in a message');
    });

  it('goes on where something is wrong, and tells all of it', () => {
    const path = folder({
      'a.yaml': `a: [\n---\n${agent('first')}`,
      'b.yaml': `${secret('broken', 'data: 5\n')}---\n${secret('good', 'stringData: { k: v }\n')}---\nkind: Pod\napiVersion: v1\n`,
      'c.yaml': `a: *b\n`,
      'd.yaml': `${agent('first')}---\n${agent('second')}---\n${agent('second')}`,
    });
    const { agents, secrets, problems } = readManifests([join(root, 'nowhere.yaml'), path]);
    assert.deepEqual(
      agents.map(({ file, value }) => [file.slice(-6), (value as { metadata: { name: string } }).metadata.name]),
      [
        ['a.yaml', 'first'],
        ['d.yaml', 'first'],
        ['d.yaml', 'second'],
        ['d.yaml', 'second'],
      ],
    );
    assert.deepEqual(
      secrets.map(({ name }) => name),
      ['good'],
    );
    assert.deepEqual(
      problems.map(({ message }) => message.replaceAll(/\S*\//g, '').slice(0, 40)),
      [
        'nowhere.yaml: there is no such file or di',
        'a.yaml:2: a list or a map in brackets is ',
        'c.yaml:1: a value that begins with a spec',
        'b.yaml:5: Secret: data: must be a map of ',
        'b.yaml:13: Pod of v1 is not read here: on',
        'd.yaml:1: EventAgent first is given twice',
        'd.yaml:11: EventAgent second is given twi',
      ].map((text) => text.slice(0, 40)),
    );
  });

  function unreadable(path: string, message: RegExp): void {
    const [problem, ...others] = readManifests([path]).problems;
    assert.deepEqual(others, []);
    assert.equal(problem?.code, 'FileUnreadable');
    assert.match(problem?.message ?? '', message);
  }

  it('refuses a file that is not there', () => unreadable(join(root, 'nowhere.yaml'), /nowhere\.yaml: there is no such file or directory/));

  it('refuses a folder without manifests', () => unreadable(folder({ 'notes.txt': '' }), /no \*\.yaml or \*\.yml in this directory/));

  it('says which subfolders it does not look at, unless they are given or begin with a dot', () => {
    const path = folder({ 'a.yaml': agent('x'), 'notes.txt': '' });
    for (const name of ['.git', 'two', 'one']) mkdirSync(join(path, name));
    writeFileSync(join(path, 'one', 'b.yaml'), agent('y'));
    const { problems, passedOver } = readManifests([path]);
    assert.deepEqual(
      [problems, passedOver],
      [[], [`${path}: its subfolders one, two are not looked at: give those, too, that hold manifests`]],
    );
    assert.deepEqual(readManifests([path, `${path}/one/`]).passedOver, [
      `${path}: its subfolder two is not looked at: give it, too, if it holds manifests`,
    ]);
    assert.deepEqual(readManifests([join(path, 'a.yaml')]).passedOver, []);
    rmSync(join(path, 'a.yaml'));
    unreadable(path, /no \*\.yaml or \*\.yml in this directory; its subfolders one, two are not looked at: /);
  });

  it('refuses a folder in the place of a file', () => {
    const path = folder({});
    mkdirSync(join(path, 'a.yaml'));
    unreadable(path, /a\.yaml: it is a directory, and should be a file/);
  });

  it('refuses a file that is too large to be a manifest', () => {
    const path = folder({ 'a.yaml': '#'.repeat(16_777_217) });
    unreadable(path, /16777217 bytes are too many/);
  });
});
