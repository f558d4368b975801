import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { render } from '../../src/cli/commands/render.ts';
import { readEventAgentSchema } from '../../src/manifest/schema.ts';
import { eventAgentTypes } from './event-agent-types.ts';
import { referencePage } from './reference-page.ts';

/** A file that is made from other files of the repository. */
export interface GeneratedFile {
  readonly url: URL;
  readonly text: string;
}

/** Every generated file as it must be now. */
export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  const schema = readEventAgentSchema();
  return [
    { url: new URL('../../src/api/generated/event-agent.ts', import.meta.url), text: await eventAgentTypes(schema) },
    { url: new URL('../../docs/reference.md', import.meta.url), text: referencePage(schema) },
    ...sampleNames().map((name) => ({ url: new URL(name, goldenFolder), text: renderedSample(name) })),
  ];
}

/** Where it is kept what each sample becomes. */
export const goldenFolder = new URL('../golden/', import.meta.url);

const samples = new URL('../../config/samples/', import.meta.url);

/** The file names of the samples. */
export function sampleNames(): readonly string[] {
  return readdirSync(samples).filter((name) => name.endsWith('.yaml'));
}

/** What `eventagent render` prints for a sample. */
function renderedSample(name: string): string {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(`${line}\n`);
  render([fileURLToPath(new URL(name, samples))], { out: print, err: print });
  return lines.join('');
}
