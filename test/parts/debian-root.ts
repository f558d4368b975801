import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { run } from './command.ts';
import { PartUnavailable } from './unavailable.ts';

/** Packages of one Debian suite with all that they depend on, unpacked into a folder of their own. */
export interface DebianRoot {
  /** Names the folder in the cache. */
  readonly name: string;
  readonly suite: 'bookworm' | 'trixie' | 'sid';
  readonly packages: readonly string[];
}

/** To be raised when the way a root is made changes, so that old ones are not used any more. */
const RECIPE = 1;

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The folder of a root, made where it is missing. Nothing is installed on the machine and no maintainer script runs; packages come from the machine's own Debian mirror,
 * signatures checked. Throws `PartUnavailable` where there is no apt or no such mirror, and whatever `check` throws of a new root, which is then not kept.
 */
export async function debianRoot(root: DebianRoot, check: (folder: string) => Promise<void> = async () => {}): Promise<string> {
  const path = join(cacheFolder(), 'debian', `${root.name}-${root.suite}-${process.arch}-${RECIPE}`);
  return await cached(path, async (folder) => {
    await build(root, folder);
    await check(folder);
  });
}

async function build(root: DebianRoot, folder: string): Promise<void> {
  const what = `${root.packages.join(', ')} of Debian ${root.suite}`;
  const remedy = 'run the tests on a machine or in a container with Debian and its package mirror';
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get') || !existsSync(KEYRING)) {
    throw new PartUnavailable(`${what}: this machine has no apt-get with the Debian archive keyring`, remedy);
  }
  const apt = join(folder, '.apt');
  try {
    const env = { ...process.env, APT_CONFIG: await aptConfiguration(apt, root.suite) };
    await run('apt-get', ['-q', 'update'], { env });
    await run('apt-get', ['-q', '-y', '--download-only', 'install', ...root.packages], { env });
  } catch (cause) {
    throw new PartUnavailable(`${what} could not be fetched: ${cause instanceof Error ? cause.message : String(cause)}`, remedy, { cause });
  }
  const archives = join(apt, 'cache', 'archives');
  const packages = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  // base-files comes first: it holds the links /bin, /lib and /lib64 that all others are unpacked through.
  packages.sort((a, b) => Number(b.startsWith('base-files_')) - Number(a.startsWith('base-files_')));
  const unpacked = `${folder}.unpacked`;
  await rm(unpacked, { recursive: true, force: true });
  await mkdir(unpacked);
  for (const name of packages) await run('dpkg-deb', ['-x', join(archives, name), unpacked]);
  await rm(folder, { recursive: true, force: true });
  await rename(unpacked, folder);
}

/** Writes an apt configuration that sees nothing of what the machine has installed, and says where. An empty status makes apt resolve every dependency, libc included. */
async function aptConfiguration(folder: string, suite: string): Promise<string> {
  for (const path of ['state/lists/partial', 'cache/archives/partial', 'etc/preferences.d', 'etc/apt.conf.d']) {
    await mkdir(join(folder, path), { recursive: true });
  }
  await writeFile(join(folder, 'state/status'), '');
  await writeFile(join(folder, 'sources.list'), `deb [signed-by=${KEYRING}] ${await debianMirror()} ${suite} main\n`);
  const file = join(folder, 'apt.conf');
  const lines = [
    // The machine's own proxies and the like.
    await run('apt-config', ['dump', 'Acquire']),
    `Dir::State "${folder}/state";`,
    `Dir::State::status "${folder}/state/status";`,
    `Dir::Cache "${folder}/cache";`,
    `Dir::Etc "${folder}/etc";`,
    `Dir::Etc::sourcelist "${folder}/sources.list";`,
    'Dir::Etc::sourceparts "-";',
    'Dir::Etc::netrc "/etc/apt/auth.conf";',
    'Dir::Etc::netrcparts "/etc/apt/auth.conf.d";',
    'APT::Install-Recommends "false";',
    // The user _apt may not read a cache in somebody's home.
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    // A mirror may lag behind sid's short validity; its signature is checked all the same.
    'Acquire::Check-Valid-Until "false";',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

/** The mirror that the machine's own packages come from. */
export async function debianMirror(): Promise<string> {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const mirrors = [...new Set(targets.split('\n').filter((uri) => uri !== '' && !uri.includes('security')))];
  const mirror = mirrors.find((uri) => /\/debian\/?$/.test(uri)) ?? mirrors[0];
  if (mirror === undefined) throw new Error("apt's configuration names no package mirror");
  return mirror;
}

/** How to run a program of a root by the root's own libraries, without entering the root: the command and its first arguments. */
export async function programOf(root: string, program: string): Promise<readonly [string, ...string[]]> {
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const libraries = [join(root, 'usr/lib', triplet), join(root, 'lib', triplet)].filter((path) => existsSync(path));
  for (const path of libraries) {
    const loader = (await readdir(path)).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
    if (loader !== undefined) return [join(path, loader), '--library-path', libraries.join(':'), join(root, program)];
  }
  throw new Error(`${root} holds no dynamic loader for ${process.arch}`);
}
