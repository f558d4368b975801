import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { render } from '../../src/cli/commands/render.ts';
import { readAgentScheduleSchema, readDeadLetterRedriveSchema, readEventAgentSchema } from '../../src/manifest/schema.ts';
import { chartFiles } from './chart-files.ts';
import { referencePage } from './reference-page.ts';
import { resourceKinds, resourceTypes } from './resource-types.ts';

/** A file that is made from other files of the repository. */
export interface GeneratedFile {
  readonly url: URL;
  readonly text: string;
}

/** Every generated file as it must be now, but for `config/install.yaml`, which needs Helm. */
export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  const agent = readEventAgentSchema();
  const schedule = readAgentScheduleSchema();
  const redrive = readDeadLetterRedriveSchema();
  return [
    {
      url: new URL('../../src/api/generated/event-agent.ts', import.meta.url),
      text: await resourceTypes(agent, resourceKinds.eventAgent),
    },
    {
      url: new URL('../../src/api/generated/agent-schedule.ts', import.meta.url),
      text: await resourceTypes(schedule, resourceKinds.agentSchedule),
    },
    {
      url: new URL('../../src/api/generated/dead-letter-redrive.ts', import.meta.url),
      text: await resourceTypes(redrive, resourceKinds.deadLetterRedrive),
    },
    { url: new URL('../../docs/reference.md', import.meta.url), text: referencePage({ agent, schedule, redrive }) },
    ...chartFiles(),
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
