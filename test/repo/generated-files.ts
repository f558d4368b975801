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
  ];
}
