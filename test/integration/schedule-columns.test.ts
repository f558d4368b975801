import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshNamespace } from '../parts/kubernetes-namespace.ts';
import { kubernetesVersions } from '../parts/kubernetes-programs.ts';
import { clusterWithDefinitions } from '../support/definitions.ts';

const schedule = (name: string, spec: object) => ({
  apiVersion: 'eventagent.dev/v1alpha1',
  kind: 'AgentSchedule',
  metadata: { name },
  spec: { agentRef: { name: 'writer' }, ...spec },
});

/** The cells of a table as kubectl prints it: columns are two blanks apart or more. */
function cells(line: string): readonly string[] {
  return line.trimEnd().split(/ {2,}/);
}

for (const version of kubernetesVersions)
  test(`kubectl shows of a schedule what it is for, whichever way its time is given, Kubernetes ${version}`, async (t) => {
    const cluster = await clusterWithDefinitions(t, version);
    if (cluster === undefined) return;
    await using own = await freshNamespace(cluster);
    await own.apply(
      schedule('by-cron', { schedule: '0 7 * * 1-5', timeZone: 'Europe/Berlin' }),
      schedule('by-interval', { every: '15m', suspend: true }),
    );
    const status = {
      lastScheduleTime: new Date(Date.now() - 3_600_000 * 5).toISOString(),
      nextScheduleTime: '2126-01-02T06:00:00Z',
      missedRuns: 3,
      lastRun: { outcome: 'done', finishedAt: '2026-01-01T00:00:00Z' },
      conditions: [
        { type: 'Ready', status: 'True', reason: 'Ready', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1 },
      ],
    };
    await own.kubectl('patch', 'asched', 'by-cron', '--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`);
    const [header = '', cron = '', interval = ''] = (await own.kubectl('get', 'agentschedules')).split('\n');
    assert.deepEqual(cells(header), ['NAME', 'AGENT', 'SCHEDULE', 'TIMEZONE', 'SUSPEND', 'LAST RUN', 'NEXT RUN', 'READY', 'AGE']);
    assert.deepEqual(cells(cron).slice(0, -1), [
      'by-cron',
      'writer',
      '0 7 * * 1-5',
      'Europe/Berlin',
      'false',
      '5h',
      '2126-01-02T06:00:00Z',
      'True',
    ]);
    assert.deepEqual(cells(interval).slice(0, 5), ['by-interval', 'writer', '15m', 'Etc/UTC', 'true']);
    const [wide = '', wideCron = ''] = (await own.kubectl('get', 'asched', '--output=wide')).split('\n');
    assert.deepEqual(cells(wide).slice(-3), ['OUTCOME', 'MISSED', 'AGE']);
    assert.deepEqual(cells(wideCron).slice(-3, -1), ['done', '3']);
    assert.match(await own.kubectl('get', 'eventagents,asched', '--output=name'), /by-cron/);
  });
