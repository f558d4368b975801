import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { debianRoot } from './debian-root.ts';
import { reservePorts } from './ports.ts';
import { type Server, startServer } from './server.ts';
import { workFolder } from './work-folder.ts';

/** A Prometheus of our own. */
export interface PrometheusServer extends Server {
  readonly url: string;
  /** Names of the alerts that fire now. */
  firing(): Promise<readonly string[]>;
}

/** One thing to scrape. */
export interface ScrapeTarget {
  /** `host:port`. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What it scrapes, and what it watches over. */
export interface PrometheusOptions {
  /** Asked again and again. Debian's Prometheus cannot ask Kubernetes by itself. */
  readonly targets: () => Promise<readonly ScrapeTarget[]>;
  readonly path: string;
  readonly honorLabels: boolean;
  /** Rule groups, as in a PrometheusRule. */
  readonly groups: readonly unknown[];
}

/** Where the server finds its files. */
const HOME = '/home';

/** The folder with Debian's Prometheus and promtool. Throws `PartUnavailable`. */
export function prometheusRoot(): Promise<string> {
  return debianRoot({ name: 'prometheus-server', suite: 'bookworm', packages: ['base-files', 'prometheus'] });
}

/** Starts a Prometheus that scrapes its targets once a second. Throws `PartUnavailable`. */
export async function startPrometheus({ targets, path, honorLabels, groups }: PrometheusOptions): Promise<PrometheusServer> {
  const root = await prometheusRoot();
  const ports = await reservePorts(1);
  const [number = 0] = ports.numbers;
  const folder = await workFolder('prometheus');
  const configuration = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [`${HOME}/rules.yaml`],
    scrape_configs: [
      {
        job_name: 'pods',
        metrics_path: path,
        honor_labels: honorLabels,
        file_sd_configs: [{ files: [`${HOME}/targets.json`], refresh_interval: '1s' }],
      },
    ],
  };
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yaml'), JSON.stringify(configuration));
  await writeFile(join(folder, 'rules.yaml'), JSON.stringify({ groups }));
  const writeTargets = async () => {
    const found = (await targets()).map(({ address, labels }) => ({ targets: [address], labels }));
    await writeFile(join(folder, 'targets.next'), JSON.stringify(found));
    await rename(join(folder, 'targets.next'), join(folder, 'targets.json'));
  };
  await writeTargets();
  const over = new AbortController();
  const following = (async () => {
    while (!over.signal.aborted) {
      await delay(1000, undefined, { signal: over.signal }).catch(() => {});
      // What cannot be listed just now is listed the next time.
      if (!over.signal.aborted) await writeTargets().catch(() => {});
    }
  })();
  const url = `http://127.0.0.1:${number}`;
  const server = await startServer({
    name: 'Prometheus',
    program: {
      root,
      mounts: { [HOME]: folder },
      environment: { LC_ALL: 'C' },
      command: [
        '/usr/bin/prometheus',
        `--config.file=${HOME}/prometheus.yaml`,
        `--storage.tsdb.path=${HOME}/data`,
        `--web.listen-address=127.0.0.1:${number}`,
        '--log.level=warn',
      ],
    },
    folder,
    log: join(folder, 'output.log'),
    ports,
    isReady: () =>
      fetch(`${url}/-/ready`).then(
        (response) => response.ok,
        () => false,
      ),
    startDeadlineMs: 30_000,
  });
  return {
    ...server,
    url,
    firing: async () => {
      const { data } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as {
        readonly data: { readonly alerts: readonly { readonly state: string; readonly labels: Readonly<Record<string, string>> }[] };
      };
      return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname ?? '');
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await following;
      await server[Symbol.asyncDispose]();
    },
  };
}
