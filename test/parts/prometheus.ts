import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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

/** What it scrapes, and what it watches over. */
export interface PrometheusOptions {
  /** A kubeconfig that may list pods. */
  readonly kubeconfig: string;
  /** As in a PodMonitor: labels that a pod must have, and the name of the port. */
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly port: string;
  /** JSON of rule groups. */
  readonly groups: readonly unknown[];
}

/** Where the server finds its files. */
const HOME = '/home';

/** The folder with Debian's Prometheus and promtool. Throws `PartUnavailable`. */
export function prometheusRoot(): Promise<string> {
  return debianRoot({ name: 'prometheus-server', suite: 'bookworm', packages: ['base-files', 'prometheus'] });
}

/** Starts a Prometheus that scrapes the pods of a cluster once a second. Throws `PartUnavailable`. */
export async function startPrometheus({ kubeconfig, matchLabels, port, groups }: PrometheusOptions): Promise<PrometheusServer> {
  const root = await prometheusRoot();
  const ports = await reservePorts(1);
  const [number = 0] = ports.numbers;
  const folder = await workFolder('prometheus');
  await copyFile(kubeconfig, join(folder, 'kubeconfig'));
  const keep = Object.entries({
    ...Object.fromEntries(
      Object.entries(matchLabels).map(([name, value]) => [`__meta_kubernetes_pod_label_${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`, value]),
    ),
    __meta_kubernetes_pod_container_port_name: port,
  });
  const configuration = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [`${HOME}/rules.yaml`],
    scrape_configs: [
      {
        job_name: 'pods',
        // As the PodMonitor says: the namespace of a metric is the agent's.
        honor_labels: true,
        kubernetes_sd_configs: [{ role: 'pod', kubeconfig_file: `${HOME}/kubeconfig` }],
        relabel_configs: [
          ...keep.map(([label, value]) => ({ source_labels: [label], regex: value, action: 'keep' })),
          { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
          { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
        ],
      },
    ],
  };
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yaml'), JSON.stringify(configuration));
  await writeFile(join(folder, 'rules.yaml'), JSON.stringify({ groups }));
  const url = `http://127.0.0.1:${number}`;
  const answers = (path: string) =>
    fetch(`${url}${path}`).then(
      (response) => response.ok,
      () => false,
    );
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
    isReady: () => answers('/-/ready'),
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
  };
}
