import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PartUnavailable } from '../parts/unavailable.ts';
import { benchController } from './controller.ts';
import { benchGateway } from './gateway.ts';
import { machineText } from './machine.ts';
import { benchMemory } from './memory.ts';
import { type Section, withSection } from './report.ts';
import { benchRunner } from './runner.ts';
import { benchStartup } from './startup.ts';

const USAGE = `usage: npm run bench [-- gateway|runner|memory|startup|controller…] [-- --quick]
  Measures, and writes each section into docs/performance.md; without a name, all of them.
  --quick  fewer and shorter rounds, printed and not written
`;

const benchmarks: ReadonlyMap<string, (quick: boolean) => Promise<Section>> = new Map([
  ['gateway', (quick) => benchGateway(quick ? { pairs: 3, measureMs: 1_000 } : { pairs: 7, measureMs: 1_500 })],
  ['runner', (quick) => benchRunner({ pairs: quick ? 3 : 7 })],
  ['memory', (quick) => benchMemory({ leakEvents: quick ? 4_000 : 20_000 })],
  ['controller', (quick) => benchController(quick ? { agents: 50, restMinutes: 1 } : { agents: 1_000, restMinutes: 10 })],
  ['startup', (quick) => benchStartup({ runs: quick ? 3 : 11 })],
]);

const DOCUMENT = join(import.meta.dirname, '../../docs/performance.md');

process.exitCode = await main(process.argv.slice(2));
// Servers that were started end with this process, and the handles that wait for their end must not keep it alive.
process.exit();

async function main(args: readonly string[]): Promise<number> {
  const request = parse(args);
  if (request === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    for (const name of request.names) await measure(name, request.quick);
    return 0;
  } catch (error) {
    if (!(error instanceof PartUnavailable)) throw error;
    process.stderr.write(`${error.message}; to have it: ${error.remedy}\n`);
    return 1;
  }
}

function parse(args: readonly string[]): { readonly names: readonly string[]; readonly quick: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { quick: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    if (positionals.some((name) => !benchmarks.has(name))) return undefined;
    return { names: positionals.length > 0 ? positionals : [...benchmarks.keys()], quick: values.quick };
  } catch {
    return undefined;
  }
}

async function measure(name: string, quick: boolean): Promise<void> {
  const section = await benchmarks.get(name)?.(quick);
  if (section === undefined) return;
  const text = `${section.text}\n\n${machineText(new Date())}`;
  process.stdout.write(`## ${name}\n\n${text}\n\n`);
  if (!quick) writeFileSync(DOCUMENT, withSection(readFileSync(DOCUMENT, 'utf8'), { name, text }));
}
