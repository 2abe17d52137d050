import { type Op, opFor, type ReadResult } from '@cashe/codec';
import {
  abortedError,
  type Conversion,
  SingleCaller,
  type Waiting,
  watchSignal,
} from './callers.js';
import { CasheError, type ClientStatus, type Core, type StatusEvent } from './core/index.js';
import { ManyCaller } from './many-caller.js';
import type {
  CallOptions,
  Entry,
  GetOptions,
  ReadOptions,
  SetEntries,
  SetOptions,
  SetResult,
} from './options.js';
import { setOp, setOps } from './set-entries.js';
import { startCallSpan } from './tracing.js';
import { ownedBytes, textOf, type ValueFormat, type ValueOf } from './values.js';

const noOptions = {} as const;
const timeoutMsMax = 2 ** 31 - 1;

/**
 * A connection to a Cashe cluster. Every promise settles by the call's deadline; what fails rejects
 * with a CasheError, whose `outcome` says what is known of a write. Made by `connect`.
 *
 * Calls of one client take effect, per key, in the order in which they were made, and a `get` sees
 * the writes called before it. Bytes given as a value must not be changed before the promise
 * settles. The `…Many` calls are not atomic; where a key fails the whole call rejects after all
 * keys are settled, and `error.errors` has the reason for each failed key.
 */
export class Cashe<F extends ValueFormat = 'string'> {
  readonly #core: Core;
  readonly #values: F;
  readonly #timeoutMs: number;
  readonly #nowMs: () => number;

  /** @internal */
  constructor(
    core: Core,
    settings: {
      readonly values: F;
      readonly timeoutMs: number;
      readonly nowMs: () => number;
    },
  ) {
    this.#core = core;
    this.#values = settings.values;
    this.#timeoutMs = settings.timeoutMs;
    this.#nowMs = settings.nowMs;
  }

  /** Writes a key. Without `ttlMs` or `keepTtl` an existing time to live is removed. */
  set(
    key: string,
    value: string | Uint8Array,
    options: SetOptions = noOptions,
  ): Promise<SetResult> {
    const makeOp = (): Op => setOp({ key, value }, options);
    return this.#single('set', key, makeOp, setResult, options);
  }

  /** The value; undefined when there is none. */
  get<A extends ValueFormat = F>(
    key: string,
    options: GetOptions<A> = noOptions,
  ): Promise<ValueOf<A> | undefined> {
    const conversion = conversions[this.#format(options)].value as Conversion<Value<A>>;
    return this.#single('get', key, () => opFor.get(key), conversion, options);
  }

  /** The value with its revision, version and remaining time to live. */
  getEntry<A extends ValueFormat = F>(
    key: string,
    options: GetOptions<A> = noOptions,
  ): Promise<Entry<ValueOf<A>> | undefined> {
    const conversion = conversions[this.#format(options)].entry as Conversion<Found<A>>;
    return this.#single('getEntry', key, () => opFor.get(key), conversion, options);
  }

  /** Whether the key exists; does not count as a use for eviction. */
  has(key: string, options: ReadOptions = noOptions): Promise<boolean> {
    return this.#single('has', key, () => opFor.has(key), existence, options);
  }

  /** Removes a key; resolves whether it existed. */
  delete(key: string, options: CallOptions = noOptions): Promise<boolean> {
    return this.#single('delete', key, () => opFor.delete(key), existence, options);
  }

  /** Writes many keys; the results in the order of the entries. */
  setMany(entries: SetEntries, options: SetOptions = noOptions): Promise<SetResult[]> {
    return this.#many('setMany', () => setOps(entries, options), setResult, options);
  }

  /** The values in the order of the keys; undefined where there is none. */
  getMany<A extends ValueFormat = F>(
    keys: Iterable<string>,
    options: GetOptions<A> = noOptions,
  ): Promise<(ValueOf<A> | undefined)[]> {
    const conversion = conversions[this.#format(options)].value;
    const ops = (): Op[] => Array.from(keys, (key) => opFor.get(key));
    return this.#many('getMany', ops, conversion as Conversion<Value<A>>, options);
  }

  /** Removes many keys; whether each existed, in the order of the keys. */
  deleteMany(keys: Iterable<string>, options: CallOptions = noOptions): Promise<boolean[]> {
    const ops = (): Op[] => Array.from(keys, (key) => opFor.delete(key));
    return this.#many('deleteMany', ops, existence, options);
  }

  /** What the client knows of the cluster. */
  status(): ClientStatus {
    return this.#core.status();
  }

  /** Hears of connections and leaders; returns what ends that. */
  onStatus(listener: (event: StatusEvent) => void): () => void {
    return this.#core.onStatus(listener);
  }

  /**
   * Takes no more calls, gives those under way and the sessions closeTimeoutMs, and fails what is
   * left with CLOSED. Resolves when all connections are ended; calling it again is harmless.
   */
  close(): Promise<void> {
    return new Promise((resolve) => this.#core.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #format(options: GetOptions<ValueFormat>): ValueFormat {
    return options.as ?? this.#values;
  }

  #single<T>(
    verb: string,
    key: string,
    makeOp: () => Op,
    conversion: Conversion<T>,
    options: ReadOptions,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting(options, key);
      requireKey(key);
      const op = makeOp();
      const span = startCallSpan(verb, 1);
      const caller = new SingleCaller(key, waiting, conversion, { resolve, reject }, span);
      const call = this.#core.submit(caller, op, 0);
      const { signal } = options;
      if (signal === undefined || call.isSettled) return;
      caller.unwatch = watchSignal(signal, () => this.#core.abort(call, 'the caller gave up'));
    });
  }

  #many<T>(
    verb: string,
    makeOps: () => Op[],
    conversion: Conversion<T>,
    options: ReadOptions,
  ): Promise<T[]> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting(options, undefined);
      const ops = makeOps();
      for (const { key } of ops) requireKey(key);
      if (ops.length === 0) {
        resolve([]);
        return;
      }
      const span = startCallSpan(verb, ops.length);
      const settle = { resolve, reject };
      const caller = new ManyCaller(this.#core, ops, waiting, conversion, settle, span);
      const { signal } = options;
      if (signal !== undefined) caller.unwatch = watchSignal(signal, () => caller.abort());
      caller.start();
    });
  }

  #waiting({ timeoutMs, consistency, signal }: ReadOptions, key: string | undefined): Waiting {
    if (signal?.aborted) throw abortedError(signal, key);
    const waitMs = timeoutMs ?? this.#timeoutMs;
    if (!(waitMs > 0 && waitMs <= timeoutMsMax)) {
      throw invalid(`timeoutMs is a number above 0 up to ${timeoutMsMax}`);
    }
    return { deadlineMs: this.#nowMs() + waitMs, isStale: consistency === 'stale' };
  }
}

type Value<A extends ValueFormat> = ValueOf<A> | undefined;
type Found<A extends ValueFormat> = Entry<ValueOf<A>> | undefined;

function requireKey(key: unknown): void {
  if (typeof key !== 'string') throw invalid('a key is a string');
}

function invalid(message: string): CasheError {
  return new CasheError('INVALID_ARGUMENT', message, { outcome: 'notCommitted' });
}

/** A read never answers a write nor the other way round: ops and results are paired by kind. */
function mismatch(): never {
  throw new Error('an op was answered as one of another kind');
}

const setResult: Conversion<SetResult> = {
  written: (revision) => ({ revision }),
  read: mismatch,
};

const existence: Conversion<boolean> = {
  written: (_revision, found) => found,
  read: (_key, { found }) => found,
};

function conversionsFor<V>(convert: (key: string, value: Uint8Array) => V): {
  readonly value: Conversion<V | undefined>;
  readonly entry: Conversion<Entry<V> | undefined>;
} {
  const entryOf = (key: string, result: ReadResult): Entry<V> => ({
    value: convert(key, result.value),
    revision: result.revision,
    version: result.version,
    ttlMs: result.ttlMs,
  });
  return {
    value: {
      written: mismatch,
      read: (key, { found, value }) => (found ? convert(key, value) : undefined),
    },
    entry: {
      written: mismatch,
      read: (key, result) => (result.found ? entryOf(key, result) : undefined),
    },
  };
}

const conversions = {
  string: conversionsFor(textOf),
  bytes: conversionsFor((_key, value) => ownedBytes(value)),
} as const;
