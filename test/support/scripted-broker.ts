import {
  type BrokerConnection,
  BrokerError,
  type Channel,
  type ChannelEnd,
  type Publication,
  type PublishOutcome,
} from '../../src/broker/port.ts';
import { createWatchable, type Watchable } from './until.ts';

/** What becomes of a publication: an answer; none for now (until `answer`); or the end of its channel. */
export type Fate = PublishOutcome | 'held' | 'channel-error';

/** A broker for publishers alone, whose every answer a test decides. It has no queues: what was confirmed is in `stored`. */
export interface ScriptedBroker {
  readonly connection: BrokerConnection;
  /** Publications that were confirmed, in order. */
  readonly stored: readonly Publication[];
  /** Publications that wait for an answer. */
  readonly held: readonly Publication[];
  /** Channels opened so far. */
  readonly opened: number;
  /** How the next publications end. */
  fate(decide: (publication: Publication) => Fate): void;
  /** Answers everything that is held. */
  answer(outcome: PublishOutcome): void;
  /** A memory alarm: nothing more is read from senders, so that no channel is opened either. */
  block(blocked: boolean): void;
  /** Cuts the connection: all channels end. */
  disconnect(): void;
  connect(): void;
  readonly until: Watchable['until'];
}

/** A scripted broker that is up and confirms everything. */
export function createScriptedBroker(): ScriptedBroker {
  const watchable = createWatchable();
  const stored: Publication[] = [];
  const held = new Set<{ readonly publication: Publication; readonly resolve: (outcome: PublishOutcome) => void }>();
  const channels = new Set<(end: ChannelEnd) => void>();
  const knocking = new Set<() => void>();
  let decide: (publication: Publication) => Fate = () => 'confirmed';
  let connected = true;
  let blocked = false;
  let opened = 0;

  const openChannel = (): Channel => {
    const ended = new AbortController();
    const failing = new Set<(error: BrokerError) => void>();
    const end = (reason: ChannelEnd) => {
      channels.delete(end);
      ended.abort(reason);
      for (const fail of failing) fail(new BrokerError('ChannelClosed', reason.message));
    };
    channels.add(end);
    opened += 1;
    watchable.changed();
    const publish = (publication: Publication) =>
      new Promise<PublishOutcome>((resolve, reject) => {
        if (blocked) return reject(new BrokerError('Blocked', 'memory alarm'));
        if (ended.signal.aborted) return reject(new BrokerError('ChannelClosed', 'the channel has ended'));
        const entry = {
          publication,
          resolve: (outcome: PublishOutcome) => {
            held.delete(entry);
            failing.delete(fail);
            if (outcome === 'confirmed') stored.push(publication);
            watchable.changed();
            resolve(outcome);
          },
        };
        const fail = (error: BrokerError) => {
          held.delete(entry);
          reject(error);
        };
        failing.add(fail);
        held.add(entry);
        watchable.changed();
        const fate = decide(publication);
        if (fate === 'channel-error') setImmediate(end, { code: 'ChannelError', message: '404 NOT_FOUND - no exchange' });
        else if (fate !== 'held') setImmediate(entry.resolve, fate);
      });
    const unused = () => Promise.reject(new Error('the scripted broker only takes publications'));
    return {
      publish,
      consume: unused,
      cancel: unused,
      get: unused,
      ready: unused,
      ack: () => {},
      nack: () => {},
      reject: () => {},
      close: async () => end({ code: 'Closed', message: 'closed by us' }),
      ended: ended.signal,
    };
  };

  const admit = () => {
    for (const knock of knocking) knock();
    knocking.clear();
  };

  return {
    connection: {
      openChannel: (_options, signal) =>
        new Promise((resolve, reject) => {
          const knock = () => resolve(openChannel());
          if (connected && !blocked) return void setImmediate(knock);
          knocking.add(knock);
          signal.addEventListener('abort', () => reject(new BrokerError('Unreachable', 'aborted')), { once: true });
        }),
      state: () => ({ connected, blocked }),
      close: async () => {},
    },
    stored,
    get held() {
      return [...held].map(({ publication }) => publication);
    },
    get opened() {
      return opened;
    },
    fate(next) {
      decide = next;
    },
    answer(outcome) {
      for (const { resolve } of [...held]) resolve(outcome);
    },
    block(next) {
      blocked = next;
      if (!blocked && connected) admit();
    },
    disconnect() {
      connected = false;
      for (const end of [...channels]) end({ code: 'ConnectionLost', message: 'socket closed' });
    },
    connect() {
      connected = true;
      if (!blocked) admit();
    },
    until: watchable.until,
  };
}
