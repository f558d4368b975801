import { generateLoad, type Load } from './http-load.ts';
import { playRole } from './role.ts';

await playRole(async () => ({
  ready: undefined,
  commands: { run: (load) => generateLoad(load as Load) },
  close: async () => {},
}));
