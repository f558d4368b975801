import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { version } from '../../src/lib/version.ts';

/** What the figures were taken on, and when: without it they say nothing. */
export function machineText(now: Date): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  const gib = Math.round(totalmem() / 1024 ** 3);
  const libraries = ['rabbitmq-client', 'ioredis', '@anthropic-ai/sdk'].map((name) => `${name} ${versionOf(name)}`).join(', ');
  return `Measured ${now.toISOString().slice(0, 10)} with eventagent ${version}, Node ${process.versions.node}, ${libraries}, on ${availableParallelism()} cores (${model}) and ${gib} GiB of memory, everything on this one machine.`;
}

function versionOf(name: string): string {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return String((JSON.parse(readFileSync(path, 'utf8')) as { readonly version: unknown }).version);
}
