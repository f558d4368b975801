import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  ended,
  jobOf,
  kubeError,
  type PodStatus,
  RUNNING,
  runnerDeployment,
  scriptedJobCluster,
} from '../../../test/support/scripted-job-cluster.ts';
import { sleep } from '../../lib/clock.ts';
import { InputError } from '../../lib/errors.ts';
import { Interrupted } from '../stop.ts';

const LINES = ['["out",0,""]', '["out",1,"a\\n"]', '["err",2,"b\\n"]', '["end",3,0]'];

suite('a command in a cluster', () => {
  test('says here what it says there, ends as it does, and leaves nothing behind', async () => {
    for (const code of [0, 1, 2]) {
      const cluster = scriptedJobCluster();
      // The server goes on until the container has ended.
      cluster.logs = [{ lines: [...LINES.slice(0, 3), `["end",3,${code}]`], after: 'stays' }];
      assert.deepEqual(await cluster.run(), { out: 'a\n', err: 'b\n', told: [], code });
      assert.match(jobOf(cluster), /^support\/triage-cli-[0-9a-f]{6}$/);
      assert.deepEqual(cluster.deleted, [jobOf(cluster)]);
      assert.equal(cluster.clock.pending, 0);
    }
  });

  test('is heard whole over a connection that breaks, is refused for a while, and comes again from the beginning', async () => {
    const cluster = scriptedJobCluster();
    cluster.logs = [
      { after: kubeError('Invalid', 'container is waiting to start') },
      { lines: LINES.slice(0, 2), after: kubeError('Unreachable') },
      { after: kubeError('Failed') },
      { lines: LINES.slice(0, 3) },
      { lines: LINES, after: 'stays' },
    ];
    let lists = 0;
    cluster.fail = (call) => (call === 'list' && ++lists % 2 === 0 ? kubeError('Throttled') : undefined);
    assert.deepEqual(await cluster.run(), { out: 'a\n', err: 'b\n', told: [], code: 0 });
  });

  test('may be silent for an hour before its connection breaks', async () => {
    const cluster = scriptedJobCluster();
    const anHour = () => sleep(cluster.clock, 3_500_000);
    cluster.logs = [
      { lines: LINES.slice(0, 2), meanwhile: anHour, after: kubeError('Unreachable') },
      { after: kubeError('Unreachable') },
      { lines: LINES },
    ];
    assert.deepEqual(await cluster.run(), { out: 'a\n', err: 'b\n', told: [], code: 0 });
  });

  test('may have ended before anybody has listened', async () => {
    const cluster = scriptedJobCluster();
    cluster.pod = ended(1);
    cluster.logs = [{ lines: [...LINES.slice(0, 3), '["end",3,1]'] }];
    assert.equal((await cluster.run()).code, 1);
  });
});

suite('a command in a cluster whose output is not whole never ends as done', () => {
  const cases: Readonly<Record<string, { readonly pod: PodStatus | undefined; readonly lines: readonly string[]; readonly says: RegExp }>> =
    {
      'a line is missing': {
        pod: RUNNING,
        lines: [LINES[0] ?? '', LINES[2] ?? ''],
        says: /its output goes from line 0 to line 2: its log was cut/,
      },
      'the beginning is missing': { pod: RUNNING, lines: LINES.slice(2), says: /its output begins with line 2: its log was cut/ },
      'the end is missing': { pod: ended(0), lines: LINES.slice(0, 3), says: /the process of pod pod-1 ended with Completed, exit code 0/ },
      'it had too little memory': { pod: ended(137, 'OOMKilled'), lines: LINES.slice(0, 2), says: /ended with OOMKilled, exit code 137/ },
      'it was evicted': {
        pod: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
        lines: LINES.slice(0, 1),
        says: /pod pod-1 was ended \(Evicted: The node was low on resource: memory\.\)/,
      },
      'its pod is gone': { pod: undefined, lines: [], says: /pod pod-1 is gone/ },
    };
  for (const [name, { pod, lines, says }] of Object.entries(cases))
    test(`because ${name}`, async () => {
      const cluster = scriptedJobCluster();
      cluster.logs = [
        {
          lines: [],
          meanwhile: () => {
            cluster.pod = pod;
            cluster.job = {
              ...cluster.created[0],
              status: { conditions: [{ type: 'Failed', status: 'True', message: 'Job was active longer' }] },
            } as never;
          },
        },
        { lines, after: pod === undefined ? kubeError('NotFound') : 'ends' },
      ];
      const { code, error } = await cluster.run();
      assert.equal(code, undefined);
      assert.equal(error?.code, 'OutputLost');
      assert.match(error.message, says);
      assert.match(
        error.message,
        /\(Job was active longer\)\. What it did until then is done\..* kubectl exec -n support deploy\/triage-runner -- node/,
      );
      assert.deepEqual(cluster.deleted, [jobOf(cluster)]);
    });

  test('because its image is another version, whose words are shown', async () => {
    const cluster = scriptedJobCluster();
    cluster.pod = ended(2);
    cluster.logs = [{ lines: ["error: unknown option '--new'", '\u001b[31mAdd --help'] }];
    const { error } = await cluster.run();
    assert.match(error?.message ?? '', /beside output its log has:\n {2}error: unknown option '--new'\n {2}\\u001b\[31mAdd --help\./);
  });

  test('because it ended with a code that no command has', async () => {
    const cluster = scriptedJobCluster();
    cluster.logs = [{ lines: ['["end",0,143]'] }];
    assert.match((await cluster.run()).error?.message ?? '', /the command ended with exit code 143 in Job support\/triage-cli-/);
  });

  test('because the API server stays away', async () => {
    const cluster = scriptedJobCluster();
    cluster.logs = [{ lines: LINES.slice(0, 2), after: kubeError('Unreachable') }, { after: kubeError('Unreachable', 'no answer') }];
    const { out, error } = await cluster.run();
    assert.deepEqual([out, error?.message], ['a\n', 'no answer']);
  });
});

suite('a command in a cluster that cannot begin', () => {
  const waiting = (reason: string, message: string): PodStatus => ({
    phase: 'Pending',
    containerStatuses: [{ image: 'i:1', state: { waiting: { reason, message } } }],
  });
  const cases = {
    'no image': [waiting('ImagePullBackOff', 'not found'), [], /pod pod-1: image i:1: not found\. .*image/i],
    'no Secret': [
      waiting('ContainerCreating', ''),
      [{ reason: 'FailedMount', note: 'MountVolume.SetUp failed for volume "broker" : secret "rabbit" not found' }],
      /pod pod-1 waits for Secret rabbit, which is missing: create it/,
    ],
    'no node': [
      { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }] },
      [],
      /pod pod-1: 0\/3 nodes/,
    ],
    'no room in the quota': [
      undefined,
      [{ reason: 'FailedCreate', note: 'Error creating: pods "x" is forbidden: exceeded quota: team' }],
      /Job triage-cli-\w+: Error creating: pods "x" is forbidden: exceeded quota: team/,
    ],
  } as const satisfies Readonly<Record<string, readonly [PodStatus | undefined, readonly object[], RegExp]>>;
  for (const [name, [pod, events, says]] of Object.entries(cases))
    test(`says why within a minute or so: ${name}`, async () => {
      const cluster = scriptedJobCluster();
      const beganAt = cluster.clock.now();
      Object.assign(cluster, { pod, events });
      const { told, error } = await cluster.run();
      assert.equal(error?.code, 'NotStarted');
      assert.match(error.message, says);
      assert.match(error.message, /^Job support\/triage-cli-\w+ could not begin: /);
      assert.deepEqual(told.length, 1, 'it is told at once, and once');
      assert.match(told[0] ?? '', says.source.startsWith('Job') ? says : /^waiting: pod pod-1/);
      assert.ok(cluster.clock.now() - beganAt <= 61_000, `${cluster.clock.now() - beganAt} ms`);
      assert.deepEqual(cluster.deleted, [jobOf(cluster)]);
    });

  test('says so where nothing happens for five minutes', async () => {
    for (const [pod, says] of [
      [undefined, /could not begin: no pod was made within 300 s/],
      [waiting('ContainerCreating', ''), /could not begin: pod pod-1 has not begun within 300 s/],
    ] as const) {
      const cluster = scriptedJobCluster();
      cluster.pod = pod;
      assert.match((await cluster.run()).error?.message ?? '', says);
    }
  });

  test('says so at once where its pod was refused by the node', async () => {
    const cluster = scriptedJobCluster();
    cluster.pod = { phase: 'Failed', reason: 'OutOfmemory', message: 'Node did not have enough' };
    const { error } = await cluster.run();
    assert.match(error?.message ?? '', /could not begin: pod pod-1 was ended \(OutOfmemory: Node did not have enough\)/);
  });

  test('begins where the trouble passes', async () => {
    const cluster = scriptedJobCluster();
    cluster.pod = waiting('ErrImagePull', 'EOF');
    cluster.logs = [{ lines: LINES }];
    cluster.clock.timer(30_000, () => {
      cluster.pod = RUNNING;
    });
    assert.deepEqual(await cluster.run(), { out: 'a\n', err: 'b\n', told: ['waiting: pod pod-1: image i:1: EOF'], code: 0 });
  });

  test('makes no Job where the agent has no runner, and says what to do', async () => {
    const cluster = scriptedJobCluster({});
    const { error } = await cluster.run();
    assert.match(
      error?.message ?? '',
      /^there is no Deployment support\/triage-runner, .*kubectl exec -n support .*, or give --rabbitmq and --redis$/,
    );
    assert.deepEqual([cluster.created, cluster.deleted], [[], []]);
  });

  test('says at once that the API server cannot be had, before anything is begun', async () => {
    const cluster = scriptedJobCluster();
    cluster.fail = (call) => (call === 'get' ? kubeError('Unreachable', 'no answer') : undefined);
    const startedAt = cluster.clock.now();
    assert.equal((await cluster.run()).error?.message, 'no answer');
    assert.deepEqual([cluster.created, cluster.deleted, cluster.clock.now() - startedAt], [[], [], 0]);
  });

  test('makes no Job for agents of which one has another broker or namespace', async () => {
    const cluster = scriptedJobCluster({
      'support/triage-runner': runnerDeployment(),
      'support/same-runner': runnerDeployment(),
      'support/other-runner': runnerDeployment('another'),
      'far/triage-runner': runnerDeployment(),
    });
    const agents = (...names: readonly string[]) =>
      names.map((name) => ({ namespace: name.split('/')[0] ?? '', name: name.split('/')[1] ?? '' }));
    cluster.logs = [{ lines: LINES }];
    assert.equal((await cluster.run([], agents('support/triage', 'support/same'))).code, 0);
    for (const [other, what] of [
      ['support/other', "broker's Secret"],
      ['far/triage', 'namespace'],
    ] as const)
      assert.equal(
        (await cluster.run([], agents('support/triage', other))).error?.message,
        `${other} has another ${what} than support/triage, and a Job has one: run the command once for each`,
      );
    assert.equal(cluster.created.length, 1);
  });

  test('leaves no Job behind whose creation nobody answered, and deletes none that was refused', async () => {
    for (const [error, deleted] of [
      [kubeError('Unreachable'), 1],
      [kubeError('Forbidden', 'creating Job: jobs.batch is forbidden'), 0],
    ] as const) {
      const cluster = scriptedJobCluster();
      cluster.fail = (call) => (call === 'create' ? error : undefined);
      assert.equal((await cluster.run()).error?.message, error.message);
      assert.equal(cluster.deleted.length, deleted);
    }
  });
});

suite('a command in a cluster that is told to stop', () => {
  const interrupted = new Interrupted('Interrupted', 'told to stop by SIGINT');

  test('ends the Job, and says its last words', async () => {
    const cluster = scriptedJobCluster();
    cluster.logs = [
      {
        lines: LINES.slice(0, 2),
        meanwhile: () => {
          cluster.stop.abort(interrupted);
          cluster.logs = [{ lines: [...LINES.slice(0, 3), '["end",3,1]'] }];
        },
      },
    ];
    const { out, err, told, error } = await cluster.run();
    assert.deepEqual([out, err, error], ['a\n', 'b\n', { code: 'Interrupted', message: 'told to stop by SIGINT' }]);
    assert.match(told.join(), /the Job is being ended/);
    assert.deepEqual(new Set(cluster.deleted), new Set([jobOf(cluster)]));
  });

  test('waits for them no longer than a minute', async () => {
    const cluster = scriptedJobCluster();
    const beganAt = cluster.clock.now();
    cluster.logs = [{ after: 'stays', meanwhile: () => cluster.stop.abort(interrupted) }];
    assert.equal((await cluster.run()).error?.code, 'Interrupted');
    assert.equal(cluster.clock.now() - beganAt, 60_000);
  });

  test('does not mind that a process which has nothing to finish says no last words', async () => {
    const cluster = scriptedJobCluster();
    cluster.logs = [
      {
        meanwhile: () => {
          cluster.stop.abort(interrupted);
          cluster.pod = undefined;
        },
      },
      { after: kubeError('NotFound') },
    ];
    assert.equal((await cluster.run()).error?.code, 'Interrupted');
  });

  test('ends the Job at once that has not begun', async () => {
    const cluster = scriptedJobCluster();
    cluster.pod = undefined;
    cluster.clock.timer(5_000, () => cluster.stop.abort(interrupted));
    const beganAt = cluster.clock.now();
    assert.equal((await cluster.run()).error?.code, 'Interrupted');
    assert.equal(cluster.clock.now() - beganAt, 5_000);
    assert.deepEqual(cluster.deleted, [jobOf(cluster)]);
  });

  test('or has no reader any more, ends the Job at once', async () => {
    const cluster = scriptedJobCluster();
    cluster.logs = [{ lines: LINES.slice(0, 2), after: 'stays', meanwhile: () => cluster.lost.abort(new InputError('Usage', 'gone')) }];
    assert.equal((await cluster.run()).error?.message, 'gone');
    assert.deepEqual(cluster.deleted, [jobOf(cluster)]);
  });

  test('says so where the Job cannot be deleted', async () => {
    const cluster = scriptedJobCluster();
    cluster.logs = [{ lines: LINES }];
    cluster.fail = (call) => (call === 'delete' ? kubeError('Forbidden', 'not you') : undefined);
    const { code, told } = await cluster.run();
    assert.equal(code, 0);
    const name = jobOf(cluster).split('/')[1];
    assert.deepEqual(told, [
      `Job support/${name} may be there still, since it could not be deleted (not you): kubectl delete job -n support ${name}`,
    ]);
  });
});
