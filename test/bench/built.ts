import { copyFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../parts/command.ts';
import { workFolder } from '../parts/work-folder.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Compiles a file of this folder, with all that it imports, to JavaScript: what a container runs. Node's own way of running TypeScript holds a compiler
 * in memory, which would be measured too. The caller removes the folder.
 */
export async function built(file: string): Promise<{ readonly program: string; readonly folder: string }> {
  const folder = await workFolder('built');
  const options = [
    '--ignoreConfig',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--lib',
    'es2024,esnext.disposable',
    '--types',
    'node',
    '--strict',
    '--exactOptionalPropertyTypes',
  ];
  const output = ['--rewriteRelativeImportExtensions', '--skipLibCheck', '--rootDir', root, '--outDir', folder];
  await run(join(root, 'node_modules/.bin/tsc'), [...options, ...output, join(import.meta.dirname, file)], { cwd: root });
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  return { folder, program: join(folder, 'test/bench', file.replace(/\.ts$/, '.js')) };
}
