import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../test/support/agent.ts';
import { compile } from '../compile/compile.ts';
import { programOf, requestFor } from './program.ts';

const event = { id: 'e-1', source: '/s', type: 't', extensions: {}, hop: 0, data: {} };

test('a prompt that this event cannot fill says that it is the prompt, and where', () =>
  assert.throws(() => requestFor(programOf(compile(eventAgent({ prompt: 'Say\n {{ event.data.title }}' })).runner), event), {
    code: 'BadTemplate',
    message: /^prompt: line 2, column 5: undefined variable event\.data\.title;/,
  }));

test('a prompt that does not parse says so, too', () =>
  assert.throws(() => programOf(compile(eventAgent({ prompt: '{{ event' })).runner), {
    code: 'BadTemplate',
    message: /^prompt: line 1, column 1: output "\{\{ event" not closed/,
  }));
