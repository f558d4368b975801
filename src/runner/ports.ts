import type { Secrets } from '../api/configuration.ts';
import type { metrics } from '../api/metrics.ts';
import type { TokenUsage } from '../api/tokens.ts';
import type { BrokerConnection } from '../broker/port.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Tracer } from '../lib/tracing.ts';
import type { Model, TokenCounter } from '../model/port.ts';
import type { Store } from '../store/port.ts';
import type { Send } from './outputs/send.ts';

/** Everything that a runner touches of the world. */
export interface RunnerPorts {
  readonly connection: BrokerConnection;
  readonly store: Store;
  /** One that cannot count has each call reserved by its bytes. */
  readonly model: Model & Partial<TokenCounter>;
  readonly send: Send;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics<typeof metrics>;
  /** Where runs are traced; nowhere, if missing. */
  readonly tracer?: Tracer;
  /** A name that no other taker has or had: random. */
  readonly newFence: () => string;
  /** Nano-USD of a call, `undefined` for a model without a known price. */
  readonly priceOf: (model: string, usage: TokenUsage) => number | undefined;
}
