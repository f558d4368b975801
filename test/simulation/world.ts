import type { RunnerConfiguration } from '../../src/api/configuration.ts';
import { defaultIdempotencyKey, messageFor } from '../../src/api/event.ts';
import { metrics as metricTable } from '../../src/api/metrics.ts';
import { brokerNames, routingKeys } from '../../src/api/names.ts';
import type { EventRecord } from '../../src/api/record.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/broker/embedded.ts';
import { ensureTopology } from '../../src/broker/ensure.ts';
import { BrokerError, type Delivery } from '../../src/broker/port.ts';
import { runnerConfigurationFor } from '../../src/compile/runner-configuration.ts';
import { topologyFor } from '../../src/compile/topology.ts';
import { sleep } from '../../src/lib/clock.ts';
import type { Log } from '../../src/lib/log.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { startRunner } from '../../src/runner/main.ts';
import { Solo } from '../../src/runner/solo.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { type OwnedStore, StoreError } from '../../src/store/port.ts';
import { eventAgent } from '../support/agent.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import { type Fate, Incarnation } from './incarnation.ts';
import type { Random } from './random.ts';
import { createScriptedModel, type ModelScript, type ScriptedModel } from './scripted-model.ts';
import { createSink, type Sink, type SinkScript } from './sink.ts';

/** What a simulated world is made of. */
export interface WorldOptions {
  readonly profile: '3.10' | '4.0' | '4.3';
  readonly random: Random;
  readonly model: () => ModelScript;
  readonly sink: (output: string) => SinkScript;
  readonly concurrency: number;
  readonly outputs: readonly string[];
  readonly onUnknownResult?: 'Retry' | 'DeadLetter';
  readonly filter?: string;
  readonly log?: Log;
}

const SOURCE = '/simulation';

/** A process slot of the world: when its incarnation dies another one is started in its place. */
export interface Replica {
  current(): Incarnation;
}

/** The real runner on the embedded broker and the memory store, in a time of its own. */
export class World {
  readonly clock: VirtualClock;
  readonly broker: EmbeddedBroker;
  readonly store: OwnedStore;
  readonly sink: Sink;
  readonly model: ScriptedModel;
  readonly configuration: RunnerConfiguration;
  readonly names;
  readonly published = new Map<string, number>();
  /** What was wrong with acknowledgements, at the moment they were made. */
  readonly badAcks: string[] = [];
  deaths = 0;
  /** While it is set, the store answers nothing. */
  storeDown = false;
  /** Deaths, and other events after which an answer may have to be bought again. */
  interruptions = 0;
  readonly #options: WorldOptions;
  readonly #topology;
  #fences = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.clock = createVirtualClock(Date.parse('2026-01-01T00:00:00Z'), { random: options.random.next });
    this.broker = createEmbeddedBroker({ clock: this.clock, profile: options.profile });
    this.store = this.#watched(createMemoryStore(this.clock));
    const { clock } = this;
    this.sink = createSink(clock, ({ output }) => options.sink(output));
    this.model = createScriptedModel(clock, options.model);
    const agent = eventAgent({
      ...(options.filter === undefined ? {} : { filter: options.filter }),
      prompt: '{{ event.id }}',
      outputs: options.outputs.map((name) => ({
        name,
        http: {
          url: 'http://sink.example/x',
          bodyTemplate: '{"t": {{ output.text | json }} }',
          onUnknownResult: options.onUnknownResult ?? 'Retry',
        },
      })),
      delivery: { concurrency: options.concurrency },
    });
    this.configuration = runnerConfigurationFor(agent, 'ea');
    this.names = brokerNames(this.configuration.agent);
    this.#topology = topologyFor(agent, 'ea');
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
      this.interruptions += 1;
      this.clock.timer(restartMs(), () => {
        current = this.#incarnate(fateFor(), again);
      });
    };
    let current = this.#incarnate(fateFor(), again);
    return { current: () => current };
  }

  #incarnate(fate: Fate, onDeath: () => void): Incarnation {
    const connection = this.broker.connect();
    const incarnation = new Incarnation(this.clock, { ...fate, acknowledging: (delivery) => this.#checkAck(delivery) }, () => {
      // The kernel closes the sockets of a dead process.
      void connection.close();
      onDeath();
    });
    const { clock } = incarnation;
    startRunner(
      this.configuration,
      {
        connection: incarnation.connection(connection),
        store: incarnation.store(this.store),
        model: incarnation.model(this.model.model),
        send: incarnation.send(this.sink.send),
        secrets: () => 'secret',
        clock,
        log: this.#options.log ?? silentLog,
        metrics: createMetrics(metricTable),
        newFence: () => `fence-${++this.#fences}`,
        priceOf: () => 1,
      },
      new Solo(clock),
    );
    return incarnation;
  }

  /** Publishes an event until it is confirmed; the same id again is a sender's retry. */
  async publish(id: string, type = 'test'): Promise<void> {
    this.published.set(id, (this.published.get(id) ?? 0) + 1);
    const event = { id, source: SOURCE, type, extensions: {}, hop: 0 };
    this.#ids.set(defaultIdempotencyKey(event), id);
    const message = messageFor(event, { body: Buffer.from('{}'), contentType: 'application/json' }, this.clock.now());
    const connection = this.broker.connect();
    let confirmed = false;
    const send = async () => {
      while (!confirmed) {
        try {
          const channel = await connection.openChannel({ prefetch: 1 }, new AbortController().signal);
          confirmed = (await channel.publish({ ...message, exchange: this.names.exchange, routingKey: routingKeys.work })) === 'confirmed';
          await channel.close();
        } catch (error) {
          if (!(error instanceof BrokerError)) throw error;
          await sleep(this.clock, 1000);
        }
      }
    };
    void send();
    await this.clock.runUntil(() => confirmed, 600_000);
    void connection.close();
  }

  queues(): readonly string[] {
    return this.#topology.queues.map(({ name }) => name);
  }

  /** Whether nothing is under way any more: everything is done, dropped or a dead letter. */
  settled(): boolean {
    return this.queues().every((queue) => queue === this.names.dead || this.broker.counts(queue)?.total === 0);
  }

  /** Where the copies of an event lie. */
  copiesOf(id: string): readonly string[] {
    return this.queues().flatMap((queue) => this.broker.messages(queue).flatMap(({ headers }) => (headers['ce-id'] === id ? [queue] : [])));
  }

  /** An acknowledgement gives the event out of hand: something else must hold it by then. */
  #checkAck(delivery: Delivery): void {
    const id = String(delivery.headers['ce-id']);
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
        if (!this.storeDown) return call(...args);
        await sleep(this.clock, 100);
        throw new StoreError('Unreachable', 'the store is down');
      };
    return {
      close: store.close,
      read: down(store.read),
      renew: down(store.renew),
      addPause: down(store.addPause),
      pausesSince: down(store.pausesSince),
      ping: down(store.ping),
      replace: async (key, version, write) => {
        const result = await down(store.replace)(key, version, write);
        if (result.written) remember(key.event, write.record);
        return result;
      },
      update: async (key, fence, write) => {
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
