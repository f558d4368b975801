import { stringify } from 'yaml';
import { load } from '../load.ts';
import type { Terminal } from '../terminal.ts';

/** `eventagent render FILE|DIR…`: what each agent becomes, as YAML: broker topology, runner configuration, gateway routes. Throws as `validate`. */
export function render(paths: readonly string[], terminal: Terminal): void {
  for (const { compiled } of load(paths).agents) {
    const { topology, runner, routes, typePatterns } = compiled;
    // YAML 1.1, so that readers written in Go take no `on` for a boolean.
    const text = stringify({ topology, runner, routes, typePatterns }, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
    terminal.out(`---\n${text.trimEnd()}`);
  }
}
