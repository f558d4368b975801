import { writeFileSync } from 'node:fs';
import { PartUnavailable } from '../parts/unavailable.ts';
import { installFile } from './chart-files.ts';
import { type GeneratedFile, generatedFiles } from './generated-files.ts';

for (const file of await generatedFiles()) write(file);
try {
  // After the chart's own files, which it is made from.
  write(await installFile());
} catch (error) {
  if (!(error instanceof PartUnavailable)) throw error;
  process.stderr.write(`config/install.yaml could not be made: ${error.message}; to have it: ${error.remedy}\n`);
  process.exitCode = 1;
}

function write({ url, text }: GeneratedFile): void {
  writeFileSync(url, text);
  process.stdout.write(`${url.pathname}\n`);
}
