import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startDev } from '../support/dev-process.ts';
import { settled } from '../support/dev-stage.ts';
import { SAMPLES } from '../support/sample-copy.ts';

const root = join(import.meta.dirname, '../..');

test('the README sends an event to a webhook that is not GitHub, by a command that works', async (t) => {
  const shell = promisify(execFile);
  if ((await shell('sh', ['-c', 'command -v curl']).catch(() => undefined)) === undefined) return t.skip('curl is missing here');
  const [command = ''] = /^curl [\s\S]*?(?=\n```)/m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  assert.match(command, /^curl -sS http:\/\/127\.0\.0\.1:8080\//);
  await using dev = await startDev([join(SAMPLES, 'alert-triage.yaml'), '--offline', '--capture-outputs']);
  const { stdout } = await shell('sh', ['-c', command.replace('http://127.0.0.1:8080', dev.gatewayUrl)], { cwd: root });
  const { id } = JSON.parse(stdout) as { id: string };
  assert.equal((await settled(dev, id)).outcome, 'done');
});
