import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EventView, type PodView, troubleOf } from './pod-trouble.ts';

const pod = (status: PodView['status'], volumes: NonNullable<PodView['spec']>['volumes'] = []): PodView => ({
  metadata: { name: 'p' },
  spec: { volumes },
  ...(status === undefined ? {} : { status }),
});
const waiting = (reason: string, message?: string, more: object = {}) =>
  pod({
    containerStatuses: [
      { image: 'repo/eventagent:1', state: { waiting: { reason, ...(message === undefined ? {} : { message }) } }, ...more },
    ],
  });
const ended = (message: string | undefined, exitCode = 1) => ({
  restartCount: 4,
  lastState: { terminated: { reason: 'Error', exitCode, ...(message === undefined ? {} : { message }) } },
});

interface Case {
  readonly pod: PodView;
  readonly events?: readonly EventView[];
  readonly unready?: string;
  readonly reason: string | undefined;
  readonly message?: RegExp;
}

const cases: Readonly<Record<string, Case>> = {
  'a pod that is being started is in no trouble': { pod: pod({ phase: 'Pending' }), reason: undefined },
  'a ready pod is in no trouble, whatever happened to it before': {
    pod: pod({ conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [{ state: { running: {} }, ...ended('x') }] }),
    reason: undefined,
  },
  'an image that cannot be pulled': {
    pod: waiting('ImagePullBackOff', 'Back-off pulling image "repo/eventagent:1"'),
    reason: 'ImagePullFailed',
    message: /pod p: image repo\/eventagent:1: Back-off/,
  },
  'an image that is not there and must not be pulled': {
    pod: waiting('ErrImageNeverPull', 'Container image "repo/eventagent:1" is not present with pull policy of Never'),
    reason: 'ImagePullFailed',
    message: /is not present with pull policy of Never/,
  },
  'a container that cannot be made, for a reason nobody thought of': {
    pod: waiting('RunContainerError', 'no such runtime'),
    reason: 'PodsNotReady',
    message: /pod p: no such runtime/,
  },
  'last words about a mounted Secret, with the name people know it by': {
    pod: {
      ...waiting(
        'CrashLoopBackOff',
        'back-off',
        ended('{"reason":"BadConfiguration","message":"the Secret at /run/eventagent/store has no host"}'),
      ),
      spec: { volumes: [{ name: 'store', secret: { secretName: 'eventagent-store' } }] },
    },
    reason: 'BadConfiguration',
    message: /: the Secret \(Secret eventagent-store\) has no host$/,
  },
  'a process that ends again and again, with its last words': {
    pod: waiting('CrashLoopBackOff', 'back-off', ended('{"reason":"Internal","message":"boom"}')),
    reason: 'CrashLooping',
    message: /pod p ended, 4 restarts so far: boom/,
  },
  'a process without last words, with its exit code': {
    pod: waiting('CrashLoopBackOff', 'back-off', ended(undefined, 137)),
    reason: 'CrashLooping',
    message: /Error, exit code 137/,
  },
  'a broker that refuses the login': {
    pod: waiting('CrashLoopBackOff', 'back-off', ended('{"reason":"BrokerLoginRefused","message":"the broker at r refused user u"}')),
    reason: 'BrokerLoginRefused',
    message: /refused user u/,
  },
  'a configuration that cannot be read': {
    pod: waiting('CrashLoopBackOff', 'back-off', ended('{"reason":"BadConfiguration","message":"no"}')),
    reason: 'BadConfiguration',
  },
  'a Secret that is missing, by the events of the kubelet': {
    pod: pod({ phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }),
    events: [{ reason: 'FailedMount', note: 'MountVolume.SetUp failed for volume "secret-0" : secret "anthropic" not found' }],
    reason: 'SecretMissing',
    message: /Secret anthropic, which is missing: create it/,
  },
  'a key of a Secret that is missing, by the name of the Secret': {
    pod: pod({ phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }, [
      { name: 'secret-0', secret: { secretName: 'anthropic' } },
    ]),
    events: [
      { reason: 'FailedMount', note: 'MountVolume.SetUp failed for volume "secret-0" : references non-existent secret key: api-key' },
    ],
    reason: 'SecretMissing',
    message: /key api-key of Secret anthropic/,
  },
  'a Secret for an environment variable': {
    pod: waiting('CreateContainerConfigError', 'secret "proxy" not found'),
    reason: 'SecretMissing',
    message: /Secret proxy/,
  },
  'no node takes it': {
    pod: pod({ conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' }] }),
    reason: 'Unschedulable',
    message: /0\/3 nodes/,
  },
  'it runs, and says that its store may evict': {
    pod: pod({ containerStatuses: [{ state: { running: {} } }] }),
    unready: 'StoreUnsafe: the store evicts; or accept that in the connection Secret of the store at /run/eventagent/store',
    reason: 'StoreUnsafe',
    message: /StoreUnsafe: the store evicts/,
  },
  'it runs, and says that its store has lost what it was told': {
    pod: pod({ containerStatuses: [{ state: { running: {} } }] }),
    unready: 'StoreLost: the store has lost what it was told',
    reason: 'StoreLost',
    message: /StoreLost/,
  },
  'it runs, and says that it cannot reach the store': {
    pod: pod({ containerStatuses: [{ state: { running: {} } }] }),
    unready: 'the store at redis:6379 does not answer',
    reason: 'StoreUnreachable',
  },
  'it runs, and says that it cannot reach the broker': {
    pod: pod({ containerStatuses: [{ state: { running: {} } }] }),
    unready: 'there is no connection to the broker at rabbit.store.svc:5672',
    reason: 'BrokerUnreachable',
  },
  'it runs, is not ready, and nobody could ask it': { pod: pod({ containerStatuses: [{ state: { running: {} } }] }), reason: undefined },
};

for (const [name, { pod: seen, events = [], unready, reason, message }] of Object.entries(cases)) {
  test(`a pod: ${name}`, () => {
    const trouble = troubleOf(seen, events, unready);
    assert.equal(trouble?.reason, reason);
    if (message !== undefined) assert.match(trouble?.message ?? '', message);
  });
}
