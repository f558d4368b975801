import { Redis } from 'ioredis';
import type { ServerAddress } from '../lib/connection-secret.ts';
import { InputError, messageOf } from '../lib/errors.ts';
import { tlsTrust } from '../lib/tls-trust.ts';
import { StoreError } from './port.ts';
import { redisProblem } from './redis-problem.ts';

/** How to reach a Redis. The URL is `redis:` or `rediss:`, with the number of the database as its path. */
export interface RedisOptions extends ServerAddress {
  /** Told of what keeps it from connecting, and again when that has become something else. */
  readonly onError: (message: string) => void;
  /** Asked for the present address before each further attempt to connect, so that a rotated login is seen. Where it throws, the last one stays. */
  readonly presentAddress?: () => ServerAddress;
}

/** Scripts by the name of their command. */
export type Scripts<Name extends string> = Readonly<Record<Name, { readonly numberOfKeys: number; readonly lua: string }>>;

/** How long one command may take before its result counts as unknown. */
const COMMAND_TIMEOUT_MS = 5000;

/** States of the library's client on its way to a first or a further connection. */
const CONNECTING: ReadonlySet<string> = new Set(['wait', 'connecting', 'connect']);

/**
 * The server at the other end is a replica now; the address leads to the new primary, or will. Redis 7 begins the answer to a script with the word, older ones end with it
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors: the first word is the kind of error).
 */
const NOT_PRIMARY = /\b(?:READONLY|MASTERDOWN)\b/;

/** The first words of errors that mean: a wrong user or password, or none where one is asked for. Redis before version 6 says ERR. */
const REFUSAL = /^(?:WRONGPASS|NOAUTH|ERR invalid password)\b/;

type Command = (...args: readonly (string | number)[]) => Promise<unknown>;

/**
 * A connection to one server, made again whenever it is lost. Runs scripts, in no other database than the one that was asked for. Owns one client of the library's at a time:
 * the library itself would go back to the database, and send what was left, of the address before.
 */
export class RedisClient<Name extends string> {
  readonly #options: RedisOptions;
  readonly #scripts: Scripts<Name>;
  #target: Target;
  #library: Redis;
  #opening: Promise<void> | undefined;
  /** What keeps it from connecting, and why the address could not be read anew. */
  #failure: StoreError | undefined;
  #noAddress: StoreError | undefined;
  /** The library would go on in another database where it cannot have the one that it was told. */
  #misplaced: StoreError | undefined;
  #told: string | undefined;

  /** Begins to connect. Throws `InputError` (`Usage`) for a URL that is none. */
  constructor(options: RedisOptions, scripts: Scripts<Name>) {
    this.#options = options;
    this.#scripts = scripts;
    this.#target = targetOf(options);
    this.#library = this.#connect();
  }

  /** Runs a script once, after a connection that is being made. Rejects with `StoreError`. */
  async run(script: Name, args: readonly (string | number)[]): Promise<unknown> {
    await this.#opened();
    const library = this.#library;
    if (this.#misplaced !== undefined) {
      const error = this.#misplaced;
      // The next attempt may be made at another address.
      library.disconnect(true);
      throw error;
    }
    try {
      return await (library as unknown as Readonly<Record<Name, Command>>)[script](...args);
    } catch (cause) {
      const why = library.status === 'ready' ? messageOf(cause) : 'there is no connection';
      throw (
        this.#noAddress ??
        this.#failure ??
        new StoreError('Unreachable', `the store at ${placeOf(this.#target)} does not answer: ${why}`, { cause })
      );
    }
  }

  /** Ends the connection, and every command under way. May be repeated. */
  close(): void {
    this.#library.disconnect();
  }

  #connect(): Redis {
    const { host, port, username, password, database, tls, ca } = this.#target;
    const library = new Redis({
      host,
      port,
      username,
      password,
      db: database,
      ...(tls ? { tls: tlsTrust(host, ca) } : {}),
      scripts: this.#scripts,
      enableAutoPipelining: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: COMMAND_TIMEOUT_MS,
      // A connection whose other end has vanished fails every command and never closes: it is given up with the command that went unanswered.
      socketTimeout: COMMAND_TIMEOUT_MS,
      reconnectOnError: ({ message }) => NOT_PRIMARY.test(message),
      retryStrategy: (attempt) => (this.#moved() ? null : Math.min(100 * attempt, 2000)),
    });
    library.on('error', (error: unknown) => {
      if (this.#library !== library) return;
      this.#failure = failureFor(error, this.#target);
      if (commandOf(error) === 'select') this.#misplaced = this.#failure;
      if (this.#noAddress === undefined) this.#tell(redisProblem(error, ca !== undefined));
    });
    library.on('close', () => {
      if (this.#library === library) this.#misplaced = undefined;
    });
    library.on('ready', () => {
      if (this.#library !== library || this.#misplaced !== undefined) return;
      this.#failure = undefined;
      this.#told = undefined;
    });
    return library;
  }

  /** Looks whether the address has become another one; if so, another client connects there. */
  #moved(): boolean {
    const { presentAddress } = this.#options;
    if (presentAddress === undefined) return false;
    try {
      const target = targetOf(presentAddress());
      this.#noAddress = undefined;
      if (JSON.stringify(target) === JSON.stringify(this.#target)) return false;
      this.#target = target;
    } catch (error) {
      this.#noAddress = new StoreError('Unreachable', `the store cannot be used: ${messageOf(error)}`);
      this.#tell(messageOf(error));
      return false;
    }
    this.#misplaced = undefined;
    this.#library = this.#connect();
    return true;
  }

  #tell(message: string): void {
    if (message !== this.#told) this.#options.onError(message);
    this.#told = message;
  }

  /** Lets commands wait for a connection that is being made, and for no other. */
  async #opened(): Promise<void> {
    if (!CONNECTING.has(this.#library.status)) return;
    this.#opening ??= firstAnswer(this.#library).finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }
}

/** Resolves when a connection that is being made is there or has failed. */
function firstAnswer(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['ready', 'close', 'end']) redis.off(event, done);
      resolve();
    };
    for (const event of ['ready', 'close', 'end']) redis.once(event, done);
  });
}

type Target = ReturnType<typeof targetOf>;

/** A URL taken apart. */
function targetOf({ url: text, ca }: ServerAddress) {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:') || !/^\/?\d*$/.test(url.pathname)) {
    throw new InputError('Usage', 'the address of the store is not a URL of the form redis://user:password@host:6379/0 (rediss: for TLS)');
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
    port: Number(url.port) || 6379,
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: Number(url.pathname.slice(1)),
    tls: url.protocol === 'rediss:',
    ca,
  };
}

function placeOf({ host, port }: Target): string {
  return `${host}:${port}`;
}

/** What an error of the library's means that has to do with the connection. */
function failureFor(error: unknown, target: Target): StoreError {
  const message = redisProblem(error, target.ca !== undefined);
  if (commandOf(error) === 'select')
    return new StoreError('Unreachable', `the store at ${placeOf(target)} has no database ${target.database} for us: ${message}`);
  if (!REFUSAL.test(message)) return new StoreError('Unreachable', `the store at ${placeOf(target)} cannot be used: ${message}`);
  const login = target.password === '' ? 'a login without a password' : `the login of ${target.username || 'the default user'}`;
  return new StoreError('LoginRefused', `the store at ${placeOf(target)} refused ${login}: ${message}`);
}

/** The command that a server's answer is about. */
function commandOf(error: unknown): unknown {
  return error instanceof Error && 'command' in error ? (error.command as { readonly name?: unknown } | undefined)?.name : undefined;
}
