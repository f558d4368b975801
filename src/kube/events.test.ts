import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { createLog } from '../lib/log.ts';
import { createEventRecorder, type EventReport } from './events.ts';
import { KubeError } from './kube-error.ts';
import type { KubeObject, ObjectHead } from './resources.ts';

const agent: ObjectHead = {
  apiVersion: 'eventagent.dev/v1alpha1',
  kind: 'EventAgent',
  metadata: { namespace: 'team', name: 'reviewer', uid: 'u', resourceVersion: '7' },
};
const report: EventReport = { type: 'Warning', reason: 'QueueDiffers', action: 'Reconcile', note: 'a queue is in the way' };

/** A recorder, and an API server that refuses with these errors before it takes an event. */
function world(...refusals: readonly Error[]) {
  const clock = createVirtualClock(Date.UTC(2026, 10, 25, 12));
  const [tried, made, lines]: [KubeObject[], KubeObject[], string[]] = [[], [], []];
  const open = [...refusals];
  const recorder = createEventRecorder({
    client: {
      create: async (_, object) => {
        tried.push(object as unknown as KubeObject);
        const refusal = open.shift();
        if (refusal !== undefined) throw refusal;
        made.push(object as unknown as KubeObject);
        return object;
      },
    },
    instance: 'controller-0',
    clock,
    log: createLog('json', (line) => lines.push(line)),
    random: () => 0,
  });
  return { clock, recorder, tried, made, lines };
}

test('an event says what happened to which object', async () => {
  const { clock, recorder, made } = world();
  recorder.record(agent, report);
  await clock.advance(0);
  const [event] = made;
  assert.match(event?.metadata.name ?? '', /^reviewer\.[0-9a-f]{16}$/);
  assert.deepEqual(event, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: 'team', name: event?.metadata.name },
    eventTime: '2026-11-25T12:00:00.000000Z',
    type: 'Warning',
    reason: 'QueueDiffers',
    action: 'Reconcile',
    note: 'a queue is in the way',
    regarding: {
      apiVersion: 'eventagent.dev/v1alpha1',
      kind: 'EventAgent',
      namespace: 'team',
      name: 'reviewer',
      uid: 'u',
      resourceVersion: '7',
    },
    reportingController: 'eventagent.dev/controller',
    reportingInstance: 'controller-0',
  });
  assert.deepEqual(recorder.counts(), { written: 1, givenUp: 0, lost: 0 });
});

test('two events have two names', async () => {
  const { clock, recorder, made } = world();
  for (let i = 0; i < 2; i++) recorder.record(agent, report);
  await clock.advance(0);
  assert.equal(new Set(made.map(({ metadata }) => metadata.name)).size, 2);
});

for (const [what, name, expected] of [
  ['long', 'x'.repeat(253), /^x{236}\.[0-9a-f]{16}$/],
  ['cut at a dot', `${'x'.repeat(235)}.y`, /^x{235}\.[0-9a-f]{16}$/],
] as const)
  test(`the name of an event about an object whose name is ${what} is a name`, async () => {
    const { clock, recorder, made } = world();
    recorder.record({ ...agent, metadata: { ...agent.metadata, name: `${name}${'z'.repeat(253 - name.length)}` } }, report);
    await clock.advance(0);
    assert.match(made[0]?.metadata.name ?? '', expected);
  });

test('an event about an object without a namespace is in the default one', async () => {
  const { clock, recorder, made } = world();
  recorder.record({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } }, report);
  await clock.advance(0);
  assert.equal(made[0]?.metadata.namespace, 'default');
});

for (const [what, note, bytes, end] of [
  ['of 1,024 bytes is whole', 'x'.repeat(1_024), 1_024, 'xx'],
  ['of a byte more is cut', 'x'.repeat(1_025), 1_024, 'x…'],
  ['is cut between two characters', 'ä'.repeat(600), 1_023, 'ä…'],
] as const)
  test(`a note ${what}`, async () => {
    const { clock, recorder, made } = world();
    recorder.record(agent, { ...report, note });
    await clock.advance(0);
    const written = String(made[0]?.note);
    assert.deepEqual([Buffer.byteLength(written), written.slice(-2)], [bytes, end]);
  });

test('passing trouble is waited out, and an event that was made without an answer is not made twice', async () => {
  const exists = new KubeError('Conflict', 'there is one', { reason: 'AlreadyExists' });
  const { clock, recorder, tried, lines } = world(new KubeError('Unreachable', 'no answer'), new KubeError('Throttled', 'slowly'), exists);
  recorder.record(agent, report);
  await clock.advance(10_000);
  assert.equal(tried.length, 3);
  assert.equal(new Set(tried.map(({ metadata }) => metadata.name)).size, 1);
  assert.deepEqual([recorder.counts(), lines], [{ written: 1, givenUp: 0, lost: 0 }, []]);
});

for (const [what, refusal] of [
  ['a namespace that is being deleted', new KubeError('Forbidden', 'no', { status: 403, causes: [{ reason: 'NamespaceTerminating' }] })],
  ['a namespace that is gone', new KubeError('NotFound', 'no', { status: 404 })],
] as const)
  test(`an event in ${what} is given up without a word`, async () => {
    const { clock, recorder, tried, lines } = world(refusal);
    recorder.record(agent, report);
    await clock.advance(60_000);
    assert.deepEqual([tried.length, lines, recorder.counts()], [1, [], { written: 0, givenUp: 1, lost: 0 }]);
  });

test('a missing permission is logged, and not tried again', async () => {
  const { clock, recorder, tried, lines } = world(new KubeError('Forbidden', 'events is forbidden', { status: 403 }));
  recorder.record(agent, report);
  await clock.advance(60_000);
  assert.equal(tried.length, 1);
  assert.deepEqual(recorder.counts(), { written: 0, givenUp: 0, lost: 1 });
  assert.match(
    lines.join(''),
    /"level":"warn".*"kind":"EventAgent","namespace":"team","name":"reviewer","reason":"QueueDiffers","error":"events is forbidden"/,
  );
});

test('trouble that lasts loses the event', async () => {
  const { clock, recorder, tried, lines } = world(...Array.from({ length: 9 }, () => new KubeError('Failed', 'no luck')));
  recorder.record(agent, report);
  await clock.advance(120_000);
  assert.deepEqual([tried.length, lines.length, recorder.counts().lost], [5, 1, 1]);
});

test('what waits is bounded, and given up at the close', async () => {
  const { clock, recorder, tried, made, lines } = world(...Array.from({ length: 900 }, () => new KubeError('Unreachable', 'no answer')));
  for (let i = 0; i < 205; i++) recorder.record(agent, report);
  await clock.advance(1_500);
  assert.equal(new Set(tried.map(({ metadata }) => metadata.name)).size, 200);
  await recorder.close();
  recorder.record(agent, report);
  assert.deepEqual(recorder.counts(), { written: 0, givenUp: 0, lost: 206 });
  await clock.advance(60_000);
  assert.deepEqual([made, lines, clock.pending], [[], [], 0]);
});
