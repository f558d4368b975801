import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cached, cacheFolder, lock } from './cache.ts';

/** Runs lines of TypeScript in a process of their own, with `cached`, `lock` and node's `appendFile` and `stay` (never resolves) at hand. */
function inProcess(lines: string): ChildProcess {
  const imports = `
    import { appendFile } from 'node:fs/promises';
    import { cached, lock } from ${JSON.stringify(new URL('./cache.ts', import.meta.url).href)};
    const stay = () => new Promise((resolve) => setTimeout(resolve, 1e9));
  `;
  return spawn(process.execPath, ['--input-type=module', '-e', imports + lines], { stdio: ['ignore', 'pipe', 'inherit'] });
}

function said(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes(word)) resolve();
    });
    child.once('exit', (code, signal) => reject(new Error(`ended with ${signal ?? code} before it said ${word}`)));
  });
}

/** A folder that is removed after the test. */
async function scratch(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'eventagent-cache-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test('the cache is where the environment says, and never in the checkout', () => {
  assert.equal(cacheFolder({ EVENTAGENT_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a/eventagent');
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/b' }), '/b/eventagent');
  assert.match(cacheFolder({}), /\/\.cache\/eventagent$/);
});

test('a lock passes on only when its holder lets go', async () => {
  await using folder = await scratch();
  const file = join(folder.path, 'lock');
  const first = await lock(file);
  const locked: AsyncDisposable[] = [];
  const waiting = lock(file).then((held) => locked.push(held));
  const other = await lock(join(folder.path, 'another'));
  assert.equal(locked.length, 0);
  await other[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await waiting;
  for (const second of locked) await second[Symbol.asyncDispose]();
});

test('the lock of a process that was killed is free', async () => {
  await using folder = await scratch();
  const file = join(folder.path, 'lock');
  const holder = inProcess(`await lock(${JSON.stringify(file)}); console.log('held'); await stay();`);
  await said(holder, 'held');
  const next = lock(file);
  holder.kill('SIGKILL');
  await using _ = await next;
});

test('processes that ask at once build once, and all get the whole', async () => {
  await using folder = await scratch();
  const [path, log] = [join(folder.path, 'part'), join(folder.path, 'log')];
  const script = `await cached(${JSON.stringify(path)}, async (folder) => {
    await appendFile(${JSON.stringify(log)}, 'built ');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await appendFile(folder + '/file', 'whole');
  });
  await appendFile(${JSON.stringify(log)}, 'got ');`;
  const ends = [1, 2, 3].map(() => new Promise((resolve) => inProcess(script).once('exit', resolve)));
  assert.deepEqual(await Promise.all(ends), [0, 0, 0]);
  assert.equal(await readFile(log, 'utf8'), 'built got got got ');
  assert.equal(await readFile(join(path, 'file'), 'utf8'), 'whole');
});

test('what a killed build has left is thrown away, and the next caller builds', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'part');
  const builder = inProcess(
    `await cached(${JSON.stringify(path)}, async (folder) => { await appendFile(folder + '/half', 'x'); console.log('half'); await stay(); });`,
  );
  await said(builder, 'half');
  builder.kill('SIGKILL');
  await cached(path, (building) => writeFile(join(building, 'whole'), 'x'));
  assert.deepEqual(await readdir(path), ['whole']);
  assert.deepEqual((await readdir(folder.path)).sort(), ['part', 'part.lock']);
});

test('a build that fails says why and leaves nothing', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'part');
  await assert.rejects(
    cached(path, async (building) => {
      await mkdir(join(building, 'some'));
      throw new Error('no mirror');
    }),
    /no mirror/,
  );
  assert.equal(existsSync(path), false);
  assert.deepEqual(await readdir(folder.path), ['part.lock']);
  await cached(path, (building) => appendFile(join(building, 'file'), 'x'));
  assert.ok(existsSync(join(path, 'file')));
});
