import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CodedError, InputError } from './errors.ts';
import { TERMINATION_LOG, Termination, verdictOn, writeTermination } from './termination.ts';

const folder = mkdtempSync(join(tmpdir(), 'eventagent-termination-'));
after(() => rmSync(folder, { recursive: true }));

describe('the end of a process', () => {
  it('is judged by the error that nobody could deal with, in one line', () => {
    assert.deepEqual(verdictOn(new Termination('StoreUnreachable', 'it is away')), {
      reason: 'StoreUnreachable',
      message: 'it is away',
      exitCode: 1,
    });
    assert.deepEqual(verdictOn(new InputError('Usage', 'one\n  two\n')), { reason: 'BadConfiguration', message: 'one two ', exitCode: 2 });
    const fault = new CodedError('Odd', 'odd');
    assert.deepEqual(verdictOn(fault), { reason: 'Internal', message: 'odd', exitCode: 1, stack: fault.stack });
    assert.deepEqual(verdictOn('thrown'), { reason: 'Internal', message: 'thrown', exitCode: 1 });
  });

  it('is left for the kubelet as one line of JSON that it does not cut', () => {
    const file = join(folder, 'log');
    writeTermination(file, { reason: 'Internal', message: 'ä"\\'.repeat(2_000) });
    writeTermination(file, { reason: 'Internal', message: `${'ä"\\'.repeat(2_000)}` });
    const text = readFileSync(file, 'utf8');
    assert.equal(text.indexOf('\n'), text.length - 1);
    assert.ok(Buffer.byteLength(text) <= 4096, `${Buffer.byteLength(text)} bytes`);
    assert.equal((JSON.parse(text) as { reason: string }).reason, 'Internal');
  });

  it('is left nowhere where nobody looks, and where it cannot be written, and that is no error', () => {
    const before = existsSync(TERMINATION_LOG);
    writeTermination(TERMINATION_LOG, { reason: 'Internal', message: 'x' });
    writeTermination(join(folder, 'no', 'such', 'folder'), { reason: 'Internal', message: 'x' });
    assert.equal(existsSync(TERMINATION_LOG), before, "the default file is the kubelet's to make");
  });
});
