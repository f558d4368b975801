import { createKubeClient } from '../../src/kube/http-client.ts';
import { kubeConfigFileAccess } from '../../src/kube/kube-config.ts';
import { LeaderElection } from '../../src/kube/leader.ts';
import { leadingClient } from '../../src/kube/leading-client.ts';
import { resources } from '../../src/kube/resources.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLog } from '../../src/lib/log.ts';

// A process that stands for election and, for as long as it leads, does a deed about every 100 ms: it counts on in its ConfigMap `deeds-<identity>`.
// Tells on stdout when it has seen that somebody else leads, when it leads and when no longer. SIGTERM: it stops its deeds, releases the lease and exits.

const [kubeconfig = '', namespace = '', identity = ''] = process.argv.slice(2);
const client = createKubeClient({ access: await kubeConfigFileAccess(kubeconfig, systemClock), clock: systemClock });
const election = new LeaderElection({
  client,
  namespace,
  name: 'leader',
  identity,
  log: createLog('json', (line) => process.stderr.write(line)),
});
const { signal } = new AbortController();

let stopDeeds = async () => {};
process.once('SIGTERM', async () => {
  await stopDeeds();
  await election.close();
  process.stdout.write('released\n');
  process.exit(0);
});

const looking = setInterval(() => {
  const holder = election.holder();
  if (holder === undefined) return;
  clearInterval(looking);
  if (holder !== identity) process.stdout.write('following\n');
}, 50);

for (;;) {
  // Rejects when the election is closed; the handler of the signal does the rest.
  const leadership = await election.elected(signal).catch(() => new Promise<never>(() => {}));
  process.stdout.write('leading\n');
  const own = leadingClient(client, leadership);
  let deeds = 0;
  const act = async () => {
    deeds += 1;
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: `deeds-${identity}` },
      data: { deeds: String(deeds) },
    };
    await own.apply(resources.configMaps, object, { fieldManager: identity }, signal).catch(() => {});
  };
  let acting: Promise<void> | undefined;
  const timer = setInterval(() => {
    acting = act();
  }, 100);
  stopDeeds = async () => {
    clearInterval(timer);
    await acting;
  };
  await new Promise((resolve) => leadership.signal.addEventListener('abort', resolve, { once: true }));
  clearInterval(timer);
  process.stdout.write('deposed\n');
}
