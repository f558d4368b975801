import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../lib/errors.ts';
import { parseAgentArgument } from './agent-argument.ts';

test('an agent is named by its namespace and its name', () =>
  assert.deepEqual(parseAgentArgument('team-a/pr-reviewer2'), { namespace: 'team-a', name: 'pr-reviewer2' }));

for (const text of ['', 'reviewer', '/reviewer', 'default/', 'a/b/c', 'Default/a', 'a/b*', 'a/-b', 'a\n/b', `a/${'b'.repeat(64)}`])
  test(`no agent is named by ${JSON.stringify(text.slice(0, 12))}`, () =>
    assert.throws(
      () => parseAgentArgument(text),
      (error) => error instanceof InputError && error.code === 'Usage' && /write its namespace and its name/.test(error.message),
    ));
