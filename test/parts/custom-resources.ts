import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './command.ts';
import { PartUnavailable } from './unavailable.ts';

const GO_SUM = join(import.meta.dirname, 'go/custom-resources/go.sum');

/** CustomResourceDefinitions of others that our manifests have objects of: where their sources have them. */
const sources = {
  'prometheus-operator': {
    module: 'github.com/prometheus-operator/prometheus-operator',
    files: ['podmonitors', 'servicemonitors', 'prometheusrules'].map(
      (plural) => `example/prometheus-operator-crd/monitoring.coreos.com_${plural}.yaml`,
    ),
  },
  'gateway-api': { module: 'sigs.k8s.io/gateway-api', files: ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'] },
} as const;

/**
 * The paths of CustomResourceDefinitions. They come with the sources of a Go module, by the machine's own Go module proxy; go.sum in `go/custom-resources` has version and checksum.
 * Throws `PartUnavailable` where there is no Go or the module cannot be fetched.
 */
export async function customResources(name: keyof typeof sources): Promise<readonly string[]> {
  const { module, files } = sources[name];
  const [, version, sum] = new RegExp(`^${module} (v\\S+) (h1:\\S+)$`, 'm').exec(await readFile(GO_SUM, 'utf8')) ?? [];
  const { Dir, Sum } = await download(`${module}@${version}`);
  if (Sum !== sum) throw new Error(`${module} ${version} is not what go.sum says: ${Sum}`);
  return files.map((file) => join(Dir, file));
}

async function download(module: string): Promise<{ readonly Dir: string; readonly Sum: string }> {
  try {
    const env = { ...process.env, GOWORK: 'off', GOFLAGS: '' };
    // Outside of any module only this one is fetched, and nothing that it depends on.
    return JSON.parse(await run('go', ['mod', 'download', '-json', module], { cwd: tmpdir(), env })) as {
      readonly Dir: string;
      readonly Sum: string;
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PartUnavailable(`${module} could not be had: ${reason}`, 'install Go 1.26 or later and let it reach a Go module proxy', {
      cause,
    });
  }
}
