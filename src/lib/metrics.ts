import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What a registry needs to know of one metric. */
interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

/** The labels of a metric, each of them required. */
type Labels<D extends Definition> = Readonly<Record<D['labels'][number], string>>;

/** The metrics of a table: only names and labels of the table compile. */
export interface Metrics<Table extends Readonly<Record<string, Definition>>> {
  /** Adds to a counter or a gauge. */
  add<Name extends keyof Table & string>(name: Name, labels: Labels<Table[Name]>, amount?: number): void;
  /** Sets a gauge. */
  set<Name extends keyof Table & string>(name: Name, labels: Labels<Table[Name]>, value: number): void;
  /** Observes a value of a histogram. */
  observe<Name extends keyof Table & string>(name: Name, labels: Labels<Table[Name]>, value: number): void;
  /** Ends a series of a gauge: what is not known is not shown. */
  remove<Name extends keyof Table & string>(name: Name, labels: Labels<Table[Name]>): void;
  /** The text that Prometheus scrapes, and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** A registry of its own for the metrics of `table`; `processMetrics` adds those of the process and of Node. */
export function createMetrics<Table extends Readonly<Record<string, Definition>>>(
  table: Table,
  options: { readonly processMetrics?: boolean } = {},
): Metrics<Table> {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  for (const [name, { type, help, labels, buckets }] of Object.entries(table)) {
    const common = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') counters.set(name, new Counter(common));
    else if (type === 'gauge') gauges.set(name, new Gauge(common));
    else histograms.set(name, new Histogram({ ...common, ...(buckets === undefined ? {} : { buckets: [...buckets] }) }));
  }
  return {
    add: (name, labels, amount = 1) => (counters.get(name) ?? gauges.get(name))?.inc(labels, amount),
    set: (name, labels, value) => gauges.get(name)?.set(labels, value),
    remove: (name, labels) => gauges.get(name)?.remove(labels),
    observe: (name, labels, value) => histograms.get(name)?.observe(labels, value),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
