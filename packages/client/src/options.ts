import type { CoreOptions } from './core/index.js';
import type { TlsOptions } from './grpc/tls-source.js';
import type { TokenSource } from './grpc/token.js';
import type { ValueFormat } from './values.js';

/** How to reach the cluster and what to expect of it. */
export interface ConnectOptions<F extends ValueFormat = ValueFormat> {
  /** `host:port` of any nodes; the others are learned from them. */
  readonly endpoints?: readonly string[] | undefined;
  /** Instead: a founders' file (JSON or YAML with `cluster.genesis`), as the nodes are given. */
  readonly config?: string | undefined;
  /** How values come out where a call does not say; default `string`. */
  readonly values?: F | undefined;
  /** Time a call may take where it does not say; default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Time `connect` waits for the first node; default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Refuse any other cluster; default: the cluster of the first node that answers. */
  readonly clusterId?: string | undefined;
  /** Free text for the nodes' logs, at most 64 bytes. */
  readonly clientName?: string | undefined;
  /** `true`: TLS, with the authorities that Node.js trusts. */
  readonly tls?: TlsOptions | true | undefined;
  /**
   * Bearer token that says who the client is; it wins over a certificate. Without `tls` it travels
   * in plain text.
   */
  readonly token?: TokenSource | undefined;
  /** Ops that may wait to be sent; beyond it a call fails with RESOURCE_EXHAUSTED. */
  readonly waitingOpsMax?: number | undefined;
  /** The same in bytes. */
  readonly waitingBytesMax?: number | undefined;
  /** Time `close` gives to calls under way and to closing the sessions; default 2,000. */
  readonly closeTimeoutMs?: number | undefined;
  /** Bounds and times that rarely need a change. */
  readonly tuning?:
    | Partial<
        Pick<
          CoreOptions,
          | 'linksMax'
          | 'sweepMs'
          | 'silenceMs'
          | 'silenceMaxMs'
          | 'reconnectMinMs'
          | 'reconnectMaxMs'
          | 'resendMinMs'
          | 'resendMaxMs'
        >
      >
    | undefined;
}

export interface CallOptions {
  /** The promise settles by then; default 5,000 or what `connect` was given. */
  readonly timeoutMs?: number | undefined;
  /** Settles the promise early. A write that was sent may still take effect: UNKNOWN_OUTCOME. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReadOptions extends CallOptions {
  /**
   * `linearizable` (default): sees every write that was answered before, and this client's own
   * earlier calls. `stale`: answered by whatever node is near, from what it has applied.
   */
  readonly consistency?: 'linearizable' | 'stale' | undefined;
}

export interface GetOptions<F extends ValueFormat> extends ReadOptions {
  /** How the value comes out of this call. */
  readonly as?: F | undefined;
}

export interface Expiry {
  /** Time to live, an integer of ms from 1; without it the key does not expire. */
  readonly ttlMs?: number | undefined;
  /** Keep the expiry the key has; not together with ttlMs. */
  readonly keepTtl?: boolean | undefined;
}

export interface SetOptions extends CallOptions, Expiry {}

export interface SetResult {
  /** Group-wide, rising with every change. */
  readonly revision: number;
}

/** A value and what is known about its key. */
export interface Entry<V> {
  readonly value: V;
  /** Revision of the write that wrote the value. */
  readonly revision: number;
  /** The key's own counter: 1 when created, one more with each write. */
  readonly version: number;
  /** What is left of its time to live; undefined: it does not expire. */
  readonly ttlMs: number | undefined;
}

export interface SetEntry extends Expiry {
  readonly key: string;
  readonly value: string | Uint8Array;
}

/** A Map, an object, or any iterable of pairs or of `{ key, value, ttlMs }`. */
export type SetEntries =
  | Iterable<readonly [string, string | Uint8Array] | SetEntry>
  | Readonly<Record<string, string | Uint8Array>>;
