import type { RunnerConfiguration, Secrets } from '../../src/api/configuration.ts';
import { defaultIdempotencyKey, type Envelope, messageFor } from '../../src/api/event.ts';
import type { Message } from '../../src/api/message.ts';
import { metrics as metricTable } from '../../src/api/metrics.ts';
import { brokerNames, routingKeys } from '../../src/api/names.ts';
import type { EventRecord } from '../../src/api/record.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/broker/embedded.ts';
import { ensureTopology } from '../../src/broker/ensure.ts';
import { BrokerError, type Delivery } from '../../src/broker/port.ts';
import type { QueueArguments, Step } from '../../src/broker/topology.ts';
import { runnerConfigurationFor } from '../../src/compile/runner-configuration.ts';
import { topologyFor } from '../../src/compile/topology.ts';
import { sleep } from '../../src/lib/clock.ts';
import type { Log } from '../../src/lib/log.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { type Runner, startRunner } from '../../src/runner/main.ts';
import type { RunnerPorts } from '../../src/runner/ports.ts';
import { Solo } from '../../src/runner/solo.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { type OwnedStore, type RecordKey, StoreError } from '../../src/store/port.ts';
import { type AgentFixture, eventAgent } from '../support/agent.ts';
import { type Sample, samplesOf } from '../support/scrape.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import { type Fate, Incarnation } from './incarnation.ts';
import { NAME, nameOf } from './name.ts';
import type { Random } from './random.ts';
import { type CountScript, createScriptedModel, type ModelScript, type ScriptedModel } from './scripted-model.ts';
import { createSink, type Sink, type SinkScript } from './sink.ts';

/** What a simulated world is made of. */
export interface WorldOptions {
  readonly profile: '3.10' | '4.0' | '4.3';
  readonly random: Random;
  /** When it begins, RFC 3339. */
  readonly startAt?: string;
  /** How many tokens the model counts in a request, or why it does not; without it, it cannot count. */
  readonly counts?: CountScript;
  /** Asked at the beginning of each call, with the name of the event that it is for. */
  readonly model: (event: string) => ModelScript;
  readonly sink: (output: string) => SinkScript;
  readonly concurrency: number;
  readonly outputs: readonly string[];
  readonly onUnknownResult?: 'Retry' | 'DeadLetter';
  readonly filter?: string;
  /** What the agent deviates in beside that. */
  readonly agent?: Pick<
    AgentFixture,
    'system' | 'budget' | 'rateLimit' | 'delivery' | 'idempotency' | 'maxTokens' | 'model' | 'suspend' | 'deadLetters' | 'checkpoints'
  >;
  /** What its outputs deviate in. */
  readonly output?: object;
  readonly secrets?: Secrets;
  readonly priceOf?: RunnerPorts['priceOf'];
  readonly log?: Log;
}

const SOURCE = '/simulation';

/** A process slot of the world: when its incarnation dies another one is started in its place. */
export interface Replica {
  current(): Incarnation;
  /** Orders the present incarnation to stop; resolves when its runner is closed. */
  close(): Promise<void>;
  /** The metrics of the present incarnation. */
  scrape(): Promise<readonly Sample[]>;
}

/** What is alive of a replica. */
interface Life {
  readonly incarnation: Incarnation;
  readonly runner: Runner;
  readonly metrics: RunnerPorts['metrics'];
}

function agentOf({ filter, concurrency, outputs, onUnknownResult = 'Retry', output, agent }: WorldOptions) {
  return eventAgent({
    ...agent,
    ...(filter === undefined ? {} : { filter }),
    prompt: `{{ event.extensions.${NAME} }}`,
    outputs: outputs.map((name) => ({
      name,
      http: { url: 'http://sink.example/x', bodyTemplate: '{"t": {{ output.text | json }} }', onUnknownResult, ...output },
    })),
    delivery: { ...agent?.delivery, concurrency },
  });
}

/** The real runner on the embedded broker and the memory store, in a time of its own. */
export class World {
  readonly clock: VirtualClock;
  readonly broker: EmbeddedBroker;
  readonly store: OwnedStore;
  readonly sink: Sink;
  readonly model: ScriptedModel;
  readonly names;
  readonly published = new Map<string, number>();
  /** What was wrong with acknowledgements, at the moment they were made. */
  readonly badAcks: string[] = [];
  deaths = 0;
  /** The runner of the process that was started last. */
  runner: Runner | undefined;
  /** By event: how often something happened to a process that had it in hand, after which an answer may have to be bought again. */
  readonly interruptions = new Map<string, number>();
  readonly #options: WorldOptions;
  readonly #topology;
  readonly #incarnations = new Set<Incarnation>();
  #configuration: RunnerConfiguration;
  #storeDown = false;
  /** For how long the network holds up the next write of a taker. */
  #holdUpMs: number | undefined;
  #fences = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.clock = createVirtualClock(Date.parse(options.startAt ?? '2026-01-01T00:00:00Z'), { random: options.random.next });
    this.broker = createEmbeddedBroker({ clock: this.clock, profile: options.profile });
    this.store = this.#watched(createMemoryStore(this.clock));
    const { clock } = this;
    this.sink = createSink(clock, ({ output }) => options.sink(output));
    this.model = createScriptedModel(clock, options.model, options.counts);
    const agent = agentOf(options);
    this.#configuration = runnerConfigurationFor(agent, 'ea');
    this.names = brokerNames(this.configuration.agent);
    this.#topology = topologyFor(agent, 'ea');
  }

  get configuration(): RunnerConfiguration {
    return this.#configuration;
  }

  /** Changes the agent for every process that is started from now on. */
  change(change: Pick<WorldOptions, 'filter' | 'agent'>): void {
    this.#configuration = runnerConfigurationFor(agentOf({ ...this.#options, ...change }), 'ea');
  }

  /** Has the network hold up the next write that a taker makes: it is given up as unanswered, repeated on another connection, and arrives `ms` after it was sent. */
  holdUpWrite(ms: number): void {
    this.#holdUpMs = ms;
  }

  /** While it is down, the store answers nothing. */
  get storeDown(): boolean {
    return this.#storeDown;
  }

  set storeDown(down: boolean) {
    this.#storeDown = down;
    // For longer than a lease, it may leave an answer without a checkpoint.
    if (down) for (const { inHand } of this.#incarnations) this.#interrupt(inHand);
  }

  async declare(): Promise<void> {
    const done = ensureTopology(this.clock, this.broker.admin, this.#topology, new AbortController().signal);
    await this.clock.advance(1000);
    const { problems } = await done;
    if (problems.length > 0) throw new Error(`the topology was refused: ${JSON.stringify(problems)}`);
  }

  /** Starts a replica; when it dies, another incarnation follows after `restartMs`. */
  start(fateFor: () => Fate, restartMs: () => number): Replica {
    const again = () => {
      this.deaths += 1;
      this.clock.timer(restartMs(), () => {
        life = this.#incarnate(fateFor(), again);
      });
    };
    let life = this.#incarnate(fateFor(), again);
    return {
      current: () => life.incarnation,
      close: () => life.runner.close(),
      scrape: async () => samplesOf((await life.metrics.expose()).text),
    };
  }

  #interrupt(events: ReadonlySet<string>): void {
    for (const event of events) this.interruptions.set(event, (this.interruptions.get(event) ?? 0) + 1);
  }

  #incarnate(fate: Fate, onDeath: () => void): Life {
    const connection = this.broker.connect();
    const incarnation = new Incarnation(
      this.clock,
      { ...fate, acknowledging: (delivery) => this.#checkAck(delivery) },
      () => {
        this.#incarnations.delete(incarnation);
        // The kernel closes the sockets of a dead process.
        void connection.close();
        onDeath();
      },
      (events) => this.#interrupt(events),
    );
    this.#incarnations.add(incarnation);
    const { clock } = incarnation;
    const metrics = createMetrics(metricTable);
    const send = incarnation.send(this.sink.send);
    const runner = startRunner(
      this.configuration,
      {
        connection: incarnation.connection(connection),
        store: incarnation.store(this.store),
        model: incarnation.model(this.model.model),
        send: async (outgoing, signal) => {
          const answer = await send(outgoing, signal);
          this.sink.heard(outgoing.idempotencyKey, answer);
          return answer;
        },
        secrets: this.#options.secrets ?? (() => 'secret'),
        clock,
        log: this.#options.log ?? silentLog,
        metrics,
        newFence: () => `fence-${++this.#fences}`,
        priceOf: this.#options.priceOf ?? (() => 1),
      },
      new Solo(clock),
    );
    this.runner = runner;
    return { incarnation, runner, metrics };
  }

  /** Publishes an event until it is confirmed; the same id again is a sender's retry. */
  async publish(id: string, type = 'test'): Promise<void> {
    this.#ids.set(defaultIdempotencyKey({ id, source: SOURCE }), id);
    await this.#publish(id, { id, source: SOURCE, type, extensions: { [NAME]: id }, hop: 0 });
  }

  /** Publishes an event to which its sender gives no id. */
  async publishWithoutId(name: string): Promise<void> {
    await this.#publish(name, { source: SOURCE, type: 'test', extensions: { [NAME]: name }, hop: 0 });
  }

  async #publish(name: string, event: Envelope['attributes']): Promise<void> {
    this.published.set(name, (this.published.get(name) ?? 0) + 1);
    await this.#confirmed(
      messageFor(event, { body: Buffer.from('{}'), contentType: 'application/json' }, this.clock.now()),
      routingKeys.work,
    );
  }

  async #confirmed(message: Message, routingKey: string): Promise<void> {
    const connection = this.broker.connect();
    let confirmed = false;
    const send = async () => {
      while (!confirmed) {
        try {
          const channel = await connection.openChannel({ prefetch: 1 }, new AbortController().signal);
          confirmed = (await channel.publish({ ...message, exchange: this.names.exchange, routingKey })) === 'confirmed';
          await channel.close();
          if (!confirmed) await sleep(this.clock, 1000);
        } catch (error) {
          if (!(error instanceof BrokerError)) throw error;
          await sleep(this.clock, 1000);
        }
      }
    };
    void send();
    await this.clock.runUntil(() => confirmed, 2 * 3_600_000);
    void connection.close();
  }

  /** Calls an event that somebody else publishes by this name; `key` is that of its record. */
  expect(name: string, key: string): void {
    this.#ids.set(key, name);
    this.published.set(name, 1);
  }

  queues(): readonly string[] {
    return this.#topology.queues.map(({ name }) => name);
  }

  /** Whether nothing is under way any more: everything is done, dropped or a dead letter. */
  settled(): boolean {
    return this.queues().every((queue) => queue === this.names.dead || (this.broker.counts(queue)?.total ?? 0) === 0);
  }

  /** Where the copies of an event lie. */
  copiesOf(name: string): readonly string[] {
    return this.queues().flatMap((queue) =>
      this.broker.messages(queue).flatMap(({ headers }) => (nameOf(headers) === name ? [queue] : [])),
    );
  }

  /** The record of an event that has its id from its sender. */
  keyOf(id: string): RecordKey {
    return { agent: this.#configuration.agent, event: defaultIdempotencyKey({ id, source: SOURCE }) };
  }

  /** Has the agent's exchange lead nowhere for a routing key any more, or to its queue again. */
  async bound(routingKey: string, isBound: boolean): Promise<void> {
    for (const binding of this.#topology.bindings)
      if (binding.routingKey === routingKey) await this.#apply({ do: isBound ? 'bind' : 'unbind', binding });
  }

  /** Has the agent's exchange lead nowhere for a routing key for a while. */
  loseRoute(routingKey: string, forMs: number): void {
    const apply = async (what: 'unbind' | 'bind') => {
      for (const binding of this.#topology.bindings.filter((known) => known.routingKey === routingKey)) {
        while (!(await this.#isApplied({ do: what, binding }))) await sleep(this.clock, 1000);
      }
    };
    void apply('unbind').then(() => this.clock.timer(forMs, () => void apply('bind')));
  }

  /** Has a queue vanish, with all that is in it. */
  lose(queue: string): void {
    this.broker.deleteQueue(queue);
  }

  /** Has a queue vanish, and one that is full stand in its place. */
  async stuff(queue: string, routingKey: string): Promise<void> {
    await this.#declareAnew(queue, { 'x-max-length': 0, 'x-overflow': 'reject-publish' });
    // It lets in one more than its limit.
    await this.#confirmed({ body: Buffer.from(''), headers: {} }, routingKey);
  }

  /** Puts a queue of the topology in the place of a lost or stuffed one. */
  async mend(queue: string): Promise<void> {
    await this.#declareAnew(queue, {});
  }

  async #declareAnew(name: string, otherArguments: QueueArguments): Promise<void> {
    this.broker.deleteQueue(name);
    const queue = this.#topology.queues.find((declared) => declared.name === name);
    if (queue === undefined) throw new Error(`no queue ${name} in the topology`);
    const steps: readonly Step[] = [
      { do: 'declare-queue', queue: { ...queue, arguments: { ...queue.arguments, ...otherArguments } } },
      ...this.#topology.bindings.filter((binding) => binding.queue === name).map((binding) => ({ do: 'bind' as const, binding })),
    ];
    for (const step of steps) await this.#apply(step);
  }

  async #apply(step: Step): Promise<void> {
    const applied = this.broker.admin.apply(step, new AbortController().signal);
    await this.clock.advance(0);
    await applied;
  }

  /** Makes a change, unless the broker is away. */
  async #isApplied(step: Step): Promise<boolean> {
    return this.broker.admin.apply(step, new AbortController().signal).then(
      () => true,
      (error: unknown) => {
        if (error instanceof BrokerError) return false;
        throw error;
      },
    );
  }

  /** An acknowledgement gives the event out of hand: something else must hold it by then. */
  #checkAck(delivery: Delivery): void {
    const id = nameOf(delivery.headers);
    const record = this.records.get(id);
    const elsewhere = this.copiesOf(id).length > 1;
    const final = record?.phase === 'done' || record?.phase === 'dead';
    if (!elsewhere && !final && !this.filtered.has(id))
      this.badAcks.push(`${id} acknowledged at ${record?.phase ?? 'no record'}, and no other copy`);
  }

  /** Remembers the last record of each event, as it was written. */
  #watched(store: OwnedStore): OwnedStore {
    const remember = (event: string, record: EventRecord) => this.records.set(this.#ids.get(event) ?? event, record);
    const down =
      <Args extends readonly unknown[], T>(call: (...args: Args) => Promise<T>) =>
      async (...args: Args): Promise<T> => {
        if (!this.#storeDown) return call(...args);
        await sleep(this.clock, 100);
        throw new StoreError('Unreachable', 'the store is down');
      };
    return {
      close: store.close,
      read: down(store.read),
      renew: down(store.renew),
      expire: down(store.expire),
      receipts: down(store.receipts),
      costToday: down(store.costToday),
      lease: down(store.lease),
      addPause: down(store.addPause),
      pausesSince: down(store.pausesSince),
      lastTick: down(store.lastTick),
      replaceLastTick: down(store.replaceLastTick),
      readCell: down(store.readCell),
      replaceCell: down(store.replaceCell),
      ping: down(store.ping),
      inspect: down(store.inspect),
      acknowledge: down(store.acknowledge),
      replace: async (key, version, write, epoch) => {
        const result = await down(store.replace)(key, version, write, epoch);
        if (result.written) remember(key.event, write.record);
        return result;
      },
      update: async (key, fence, write) => {
        const holdUpMs = this.#holdUpMs;
        if (holdUpMs !== undefined) {
          this.#holdUpMs = undefined;
          const arrive = async () => {
            await store.update(key, fence, write);
            const { stored } = await store.read(key);
            if (stored !== undefined) remember(key.event, stored.record);
          };
          this.clock.timer(holdUpMs, () => void arrive());
          await sleep(this.clock, 5000);
          throw new StoreError('Unreachable', 'the store does not answer');
        }
        const result = await down(store.update)(key, fence, write);
        if (result.written) remember(key.event, write.record);
        return result;
      },
    };
  }

  /** The last record of each event, as written. */
  readonly records = new Map<string, EventRecord>();
  /** Events that the filter does not want. */
  readonly filtered = new Set<string>();
  /** Event ids by their keys in the store. */
  readonly #ids = new Map<string, string>();
}
