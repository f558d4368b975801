import { loadKubeAccess } from '../kube/kube-config.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { type ProcessLife, runProcess } from '../lib/process-life.ts';
import { controllerEnvironment } from './config.ts';
import { runController } from './main.ts';

/** One replica of the operator as a process of its own. */
async function controller({ stop }: ProcessLife): Promise<void> {
  const environment = controllerEnvironment(process.env);
  const log = createLog(environment.EVENTAGENT_LOG, (line) => process.stdout.write(line));
  await runController({ environment, access: await loadKubeAccess(clock), clock, log }, stop);
  log.info('stopped');
}

await runProcess('controller', process.env, controller);
