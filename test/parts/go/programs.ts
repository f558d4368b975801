import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, cacheFolder, lock } from '../cache.ts';
import { run } from '../command.ts';
import { PartUnavailable } from '../unavailable.ts';

/** Programs of a Go module, which go.mod and go.sum in the folder `pins` beside this file pin with all that they depend on. */
export interface GoPrograms {
  readonly pins: string;
  /** The module whose version is the version of the programs. */
  readonly module: string;
  /** The packages by the names of their programs. */
  readonly packages: Readonly<Record<string, string>>;
  /** Further flags of the linker, by the version: `1.2.3`. */
  linkerFlags?(version: string): readonly string[];
}

/** To be raised when the way programs are built changes, so that old ones are not used any more. */
const RECIPE = 1;

/**
 * The folder of the programs, built from source where it is missing, which takes minutes the first time. Sources come through the machine's own Go module proxy,
 * their checksums are in go.sum. Throws `PartUnavailable`, with what could be done besides, where there is no Go or the sources cannot be fetched.
 */
export async function goPrograms(programs: GoPrograms, otherRemedy?: string): Promise<string> {
  const pins = join(import.meta.dirname, programs.pins);
  const [goMod, goSum] = await Promise.all([readFile(join(pins, 'go.mod'), 'utf8'), readFile(join(pins, 'go.sum'), 'utf8')]);
  const version = versionOf(programs.module, goMod);
  const names = Object.keys(programs.packages);
  const hash = createHash('sha256')
    .update(JSON.stringify([goMod, goSum, programs.packages, RECIPE]))
    .digest('hex')
    .slice(0, 10);
  const path = join(cacheFolder(), 'go', `${names[0]}-${version}-${process.arch}-${hash}`);
  return await cached(path, async (folder) => {
    const what = `${names.join(', ')} ${version}`;
    const remedy = ['install Go 1.26 or later and let it reach a Go module proxy', otherRemedy]
      .filter((way) => way !== undefined)
      .join('; or ');
    // Two builds at once would compile what they share twice.
    await using _ = await lock(join(cacheFolder(), 'go', `${programs.pins}.lock`));
    const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
    try {
      await run('go', ['list', '-mod=readonly', '-deps', '-f', '{{.ImportPath}}', ...Object.values(programs.packages)], { cwd: pins, env });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PartUnavailable(`the sources of ${what} could not be had: ${reason}`, remedy, { cause });
    }
    const flags = ['-s', '-w', ...(programs.linkerFlags?.(version) ?? [])].join(' ');
    for (const [name, pkg] of Object.entries(programs.packages)) {
      await run('go', ['build', '-mod=readonly', '-trimpath', '-ldflags', flags, '-o', join(folder, name), pkg], { cwd: pins, env });
    }
  });
}

/** `1.2.3` of the line that requires a module. */
function versionOf(module: string, goMod: string): string {
  const line = goMod.split('\n').find((text) =>
    text
      .trim()
      .replace(/^require /, '')
      .startsWith(`${module} v`),
  );
  const version = /\sv(\S+)/.exec(line ?? '')?.[1];
  if (version === undefined) throw new Error(`no go.mod that requires ${module}`);
  return version;
}
