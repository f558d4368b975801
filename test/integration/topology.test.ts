import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ensureTopology } from '../../src/broker/ensure.ts';
import { managementAdmin } from '../../src/broker/management.ts';
import { type Plan, type Problem, plan } from '../../src/broker/plan.ts';
import { BrokerError } from '../../src/broker/port.ts';
import type { Binding, Queue, QueueArguments, Step, Topology, TopologyAdmin } from '../../src/broker/topology.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { reservePorts } from '../parts/ports.ts';
import { type RabbitAddress, rabbitVersions, sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage, type Vhost } from '../parts/vhost.ts';
import { eventually } from '../support/eventually.ts';

const deadLetterTo = (routingKey: string): QueueArguments => ({
  'x-dead-letter-exchange': 'ea.ns.agent',
  'x-dead-letter-routing-key': routingKey,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});
const quorum = { 'x-queue-type': 'quorum' };
const queues: readonly Queue[] = [
  { name: 'ea.ns.agent', role: 'work', arguments: { ...quorum, 'x-delivery-limit': 100, ...deadLetterTo('dead') } },
  { name: 'ea.ns.agent.wait', role: 'wait', arguments: { ...quorum, 'x-message-ttl': 15_000, ...deadLetterTo('work') } },
  { name: 'ea.ns.agent.retry.10000', role: 'tier', arguments: { ...quorum, 'x-message-ttl': 10_000, ...deadLetterTo('work') } },
  { name: 'ea.ns.agent.dead', role: 'dead', arguments: { ...quorum, 'x-delivery-limit': 1_000_000 } },
];
const bindings: readonly Binding[] = [
  ...queues.map(({ name, role }) => ({ source: 'ea.ns.agent', queue: name, routingKey: role })),
  { source: 'ea.ns._events', queue: 'ea.ns.agent', routingKey: 'github.#' },
  { source: 'shop', queue: 'ea.ns.agent', routingKey: '', arguments: { 'x-match': 'all', kind: 'order', count: 3, paid: true } },
];
const desired: Topology = {
  exchanges: [
    { name: 'ea.ns.agent', type: 'direct' },
    { name: 'ea.ns._events', type: 'topic' },
  ],
  queues,
  bindings,
  foreignExchanges: ['shop'],
};

const signal = () => AbortSignal.timeout(60_000);

const stepsOf = ({ steps, intake }: Plan): readonly Step[] => [...steps, ...intake];

async function planned(admin: TopologyAdmin): Promise<Plan> {
  return plan(desired, await admin.observe(signal()));
}

async function applyAll(admin: TopologyAdmin): Promise<Plan> {
  const made = await planned(admin);
  for (const step of stepsOf(made)) await admin.apply(step, signal());
  return made;
}

const kinds = (problems: readonly Problem[]) => problems.map(({ kind }) => kind);

for (const version of rabbitVersions) {
  suite(`topology on RabbitMQ ${version}`, () => {
    /** Runs a test in a virtual host of its own that holds the user's exchange. */
    const inVhost = (name: string, body: (admin: TopologyAdmin, vhost: Vhost, server: RabbitAddress) => Promise<void>) =>
      test(name, async (t) => {
        const server = await partOrSkip(t, () => sharedRabbitMq(version));
        if (server === undefined) return;
        await using vhost = await freshVhost(server);
        await manage(server, 'PUT', `/api/exchanges/${vhost.vhost}/shop`, { type: 'headers', durable: true });
        await body(managementAdmin({ url: server.managementUrl, vhost: vhost.vhost }), vhost, server);
      });

    inVhost('an empty virtual host gets everything, and a second time nothing is written', async (admin) => {
      const first = await applyAll(admin);
      assert.equal(stepsOf(first).length, 2 + 4 + 6);
      assert.deepEqual(first.problems, []);
      assert.deepEqual(await planned(admin), { steps: [], intake: [], problems: [], pending: [] });
      const observed = await admin.observe(signal());
      assert.deepEqual(observed.queues.map(({ name }) => name).sort(), queues.map(({ name }) => name).sort());
      assert.ok(observed.queues.every(({ durable, type }) => durable && type === 'quorum'));
      // Each step may be repeated, e.g. by a second process that has seen the same.
      for (const step of stepsOf(first)) await admin.apply(step, signal());
      assert.deepEqual(await planned(admin), { steps: [], intake: [], problems: [], pending: [] });
    });

    inVhost('what somebody has taken away by hand comes back', async (admin, { vhost }, server) => {
      await applyAll(admin);
      await manage(server, 'DELETE', `/api/queues/${vhost}/ea.ns.agent.wait`);
      await manage(server, 'DELETE', `/api/bindings/${vhost}/e/ea.ns._events/q/ea.ns.agent/github.%23`);
      assert.deepEqual(
        stepsOf(await applyAll(admin)).map((step) => step.do),
        ['declare-queue', 'bind', 'bind'],
      );
      assert.deepEqual(stepsOf(await planned(admin)), []);
    });

    inVhost('a queue in the way is reported and keeps its messages', async (admin, { vhost }, server) => {
      await manage(server, 'PUT', `/api/queues/${vhost}/ea.ns.agent.dead`, { durable: true, arguments: { ...quorum, 'x-max-length': 7 } });
      const message = {
        routing_key: 'ea.ns.agent.dead',
        payload: 'precious',
        payload_encoding: 'string',
        properties: { delivery_mode: 2 },
      };
      await manage(server, 'POST', `/api/exchanges/${vhost}/amq.default/publish`, message);
      const { problems } = await applyAll(admin);
      assert.deepEqual(kinds(problems), ['QueueMismatch']);
      assert.match(problems[0]?.message ?? '', /x-max-length is 7 instead of not set/);
      const again = await planned(admin);
      assert.deepEqual([stepsOf(again), kinds(again.problems)], [[], ['QueueMismatch']]);
      const look = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
      const held = (await manage(server, 'POST', `/api/queues/${vhost}/ea.ns.agent.dead/get`, look)) as readonly {
        readonly payload: string;
      }[];
      assert.deepEqual(
        held.map(({ payload }) => payload),
        ['precious'],
      );
      const dead = queues.find(({ role }) => role === 'dead');
      assert.ok(dead);
      await assert.rejects(
        admin.apply({ do: 'declare-queue', queue: dead }, signal()),
        (error: unknown) =>
          error instanceof BrokerError &&
          error.code === 'ManagementFailed' &&
          /ea\.ns\.agent\.dead.* 400: .*inequivalent arg/.test(error.message),
      );
    });

    inVhost('an exchange in the way and a missing one of the user are reported', async (admin, { vhost }, server) => {
      await manage(server, 'PUT', `/api/exchanges/${vhost}/ea.ns._events`, { type: 'fanout', durable: true });
      await manage(server, 'DELETE', `/api/exchanges/${vhost}/shop`);
      assert.deepEqual(kinds((await applyAll(admin)).problems), ['ExchangeMismatch', 'ForeignExchangeMissing']);
      assert.deepEqual(stepsOf(await planned(admin)), []);
    });

    inVhost('routes that are no longer wanted go, whatever they look like, and others stay', async (admin, { vhost }, server) => {
      await applyAll(admin);
      const strange: readonly Binding[] = [
        { source: 'ea.ns._events', queue: 'ea.ns.agent', routingKey: '' },
        { source: 'ea.ns._events', queue: 'ea.ns.agent', routingKey: 'a/b c%20~ü' },
        { source: 'ea.ns._events', queue: 'ea.ns.agent', routingKey: '~' },
        { source: 'shop', queue: 'ea.ns.agent', routingKey: '', arguments: { 'x-match': 'any', kind: 'order' } },
        { source: 'shop', queue: 'ea.ns.agent', routingKey: 'k', arguments: { 'x-match': 'any', kind: 'order' } },
      ];
      for (const binding of strange) await admin.apply({ do: 'bind', binding }, signal());
      await manage(server, 'PUT', `/api/queues/${vhost}/theirs`, { durable: true });
      const spy: Binding = { source: 'ea.ns._events', queue: 'theirs', routingKey: '#' };
      await admin.apply({ do: 'bind', binding: spy }, signal());
      const steps = stepsOf(await planned(admin));
      assert.deepEqual(
        steps.map((step) => step.do),
        strange.map(() => 'unbind'),
      );
      // Two processes may have seen the same and do the same at once.
      for (const step of steps) await Promise.all([1, 2, 3].map(() => admin.apply(step, signal())));
      const after = await admin.observe(signal());
      const own = after.bindings.filter(({ source, queue }) => source !== '' && queue !== 'theirs');
      assert.equal(own.length, bindings.length);
      assert.deepEqual(
        after.bindings.filter(({ source, queue }) => source !== '' && queue === 'theirs'),
        [spy],
      );
      // Gone already, by itself or with its queue: repeating it changes nothing.
      for (const step of steps) await admin.apply(step, signal());
      await manage(server, 'DELETE', `/api/queues/${vhost}/theirs`);
      await admin.apply({ do: 'unbind', binding: spy }, signal());
      assert.deepEqual(stepsOf(await planned(admin)), []);
    });

    inVhost('a policy that was there before the queues is found before an event is let in', async (admin, { vhost }, server) => {
      const definition = { 'message-ttl': 60_000 };
      await manage(server, 'PUT', `/api/policies/${vhost}/platform`, { pattern: '.*', definition, 'apply-to': 'queues' });
      const { problems } = await ensureTopology(systemClock, admin, desired, signal());
      assert.deepEqual(
        kinds(problems),
        queues.map(() => 'ForeignPolicy'),
      );
      const { bindings: present } = await admin.observe(signal());
      assert.deepEqual(
        present.filter(({ source, queue }) => source !== '' && queue === 'ea.ns.agent'),
        [],
      );
    });

    inVhost('where a queue is in the way, nothing is declared at all', async (admin, { vhost }, server) => {
      await manage(server, 'PUT', `/api/queues/${vhost}/ea.ns.agent.dead`, { durable: true });
      const before = await admin.observe(signal());
      const { steps, problems } = await ensureTopology(systemClock, admin, desired, signal());
      assert.deepEqual([steps, kinds(problems)], [[], ['QueueMismatch']]);
      const after = await admin.observe(signal());
      assert.deepEqual([after.exchanges.length, after.queues.length, after.bindings], [before.exchanges.length, 1, before.bindings]);
    });

    inVhost('policies of the platform that would destroy messages are reported by name', async (admin, { vhost }, server) => {
      await applyAll(admin);
      const definition = { 'message-ttl': 60_000 };
      await manage(server, 'PUT', `/api/policies/${vhost}/everything-expires`, { pattern: 'dead$', definition, 'apply-to': 'queues' });
      await manage(server, 'PUT', `/api/operator-policies/${vhost}/short-queues`, {
        pattern: 'wait$',
        definition: { 'max-length': 5 },
        'apply-to': 'queues',
      });
      await manage(server, 'PUT', `/api/policies/${vhost}/harmless`, {
        pattern: 'agent$',
        definition: { 'max-length': 5000 },
        'apply-to': 'queues',
      });
      const { problems } = await eventually('both policies in effect', async () => {
        const made = await planned(admin);
        return made.problems.length === 2 && made;
      });
      assert.deepEqual(
        problems.flatMap((problem) => (problem.kind === 'ForeignPolicy' ? [[problem.queue, ...problem.policies]] : [])).sort(),
        [
          ['ea.ns.agent.dead', 'everything-expires'],
          ['ea.ns.agent.wait', 'short-queues'],
        ],
      );
      await manage(server, 'DELETE', `/api/policies/${vhost}/everything-expires`);
      await manage(server, 'DELETE', `/api/operator-policies/${vhost}/short-queues`);
      await eventually('no problem left', async () => (await planned(admin)).problems.length === 0);
    });

    inVhost(
      version === '3.10'
        ? 'that deliveries cannot be held for longer than usual is said, with what to do, and nothing is let in'
        : 'a policy lets deliveries of one queue be held for longer than usual; a policy of the platform in its place is named',
      async (admin, { vhost }, server) => {
        const patient: Topology = {
          ...desired,
          queues: queues.map((queue) => (queue.role === 'work' ? { ...queue, consumerTimeoutMs: 3_900_000 } : queue)),
        };
        if (version === '3.10') {
          await assert.rejects(ensureTopology(systemClock, admin, patient, signal()), (error: unknown) => {
            assert.ok(error instanceof BrokerError);
            assert.equal(error.code, 'PolicyUnknown');
            assert.match(
              error.message,
              /RabbitMQ 3\.12 and later can\. Upgrade it, or lower spec\.delivery\.runTimeoutSeconds to at most 1500/,
            );
            return true;
          });
          const { bindings: present } = await admin.observe(signal());
          assert.deepEqual(
            present.filter(({ source, queue }) => source !== '' && queue === 'ea.ns.agent'),
            [],
          );
          return;
        }
        assert.deepEqual((await ensureTopology(systemClock, admin, patient, signal())).problems, []);
        const policies = async () =>
          (await manage(server, 'GET', `/api/policies/${vhost}`)) as readonly Readonly<Record<string, unknown>>[];
        assert.deepEqual(
          (await policies()).map(({ name, pattern, priority, definition }) => [name, pattern, priority, definition]),
          [['ea.ns.agent.consumer-timeout', '^ea\\.ns\\.agent$', -1_000_000, { 'consumer-timeout': 3_900_000 }]],
        );
        assert.deepEqual((await ensureTopology(systemClock, admin, patient, signal())).steps, []);
        const definition = { 'max-length': 5000 };
        await manage(server, 'PUT', `/api/policies/${vhost}/platform`, {
          pattern: 'agent$',
          definition,
          'apply-to': 'queues',
          priority: -3,
        });
        await eventually('the policy is named', async () =>
          /policy platform applies to the queue and sets no consumer-timeout/.test(
            plan(patient, await admin.observe(signal())).problems[0]?.message ?? '',
          ),
        );
        await manage(server, 'DELETE', `/api/policies/${vhost}/platform`);
        for (const _ of [1, 2])
          await managementAdmin({ url: server.managementUrl, vhost }).remove(
            { do: 'delete-policy', policy: 'ea.ns.agent.consumer-timeout' },
            signal(),
          );
        assert.deepEqual(await policies(), []);
      },
    );

    inVhost('what the management API refuses is said with its cause and without the password', async (_, { vhost }, server) => {
      const url = new URL(server.managementUrl);
      url.password = 'wrong-password';
      await using ports = await reservePorts(1);
      const cases = [
        { url: url.href, vhost, code: 'LoginRefused', message: /refused the login/ },
        { url: server.managementUrl, vhost: 'no-such-vhost', code: 'ManagementFailed', message: /virtual host no-such-vhost.* 404/ },
        {
          url: `http://guest:wrong-password@127.0.0.1:${ports.numbers[0]}`,
          vhost,
          code: 'ManagementFailed',
          message: /no answer.*ECONNREFUSED/,
        },
      ];
      for (const { code, message, ...options } of cases) {
        await assert.rejects(managementAdmin(options).observe(signal()), (error: unknown) => {
          assert.ok(error instanceof BrokerError);
          assert.equal(error.code, code);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /wrong-password/);
          return true;
        });
      }
    });
  });
}
