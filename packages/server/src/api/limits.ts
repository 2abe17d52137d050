import { type ConnectionLimits, defaultConnectionLimits } from '../net/limits.js';
import { defaultTrafficLimits, type TrafficLimits } from '../net/traffic-guard.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds and times of the public services (R35); ms unless named. */
export interface ApiLimits extends ConnectionLimits {
  /** Calls in flight on one connection; more wait at the client. */
  readonly callsPerConnectionMax: number;
  /** Unary calls in flight on this node; more are refused as RESOURCE_EXHAUSTED. */
  readonly unaryCallsMax: number;
  /**
   * Principals whose calls without a session run on this node at a time; the one idle for longest
   * makes room, and when none is idle further ones are refused as RESOURCE_EXHAUSTED.
   */
  readonly ownSessionPrincipalsMax: number;
  /** Session streams; more are refused as RESOURCE_EXHAUSTED. */
  readonly sessionStreamsMax: number;
  /** Streams of WatchTopology, of health Watch and of each reflection version; more likewise. */
  readonly watchStreamsMax: number;
  /** What all streams of a connection, and of all connections, may make this port hold. */
  readonly traffic: TrafficLimits;
  /** HTTP/2 receive window of a stream (R32). */
  readonly windowBytes: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** A connection without calls is closed after this. */
  readonly connectionIdleMs: number;

  /** Unary KV call without a deadline. */
  readonly callDeadlineMs: number;
  /** A longer deadline is cut to this. */
  readonly callDeadlineMsMax: number;
  /** The same for changes of members and leadership, which wait for catch-up. */
  readonly adminDeadlineMs: number;
  readonly adminDeadlineMsMax: number;
  /** How much before the caller's deadline its answer leaves: it is to arrive, with an outcome. */
  readonly deadlineMarginMs: number;
  /** Values of one GetMany answer; what does not fit is refused per key. */
  readonly answerBytesMax: number;

  /** Granted by hello (R32): batches and bytes of ops in flight; more ends the stream. */
  readonly batchesMax: number;
  readonly bytesMax: number;
  /** Bytes of ops in flight over all streams; beyond it batches are refused as BUSY. */
  readonly totalBytesMax: number;
  readonly helloMs: number;
  /** A longer remaining time of a batch is cut to this. */
  readonly batchDeadlineMsMax: number;
  /** Read batches of one stream that are served at a time; others wait, within the window. */
  readonly readsInFlightMax: number;
  /** Answers the client has not taken: above this, no more is read from it. */
  readonly outputPauseBytes: number;
  /** And above this its stream ends (R32). */
  readonly outputBytesMax: number;
  /** A paused client that takes nothing for this long loses its stream. */
  readonly outputStallMs: number;
}

export const defaultApiLimits: ApiLimits = {
  ...defaultConnectionLimits,
  callsPerConnectionMax: 1024,
  unaryCallsMax: 10_000,
  ownSessionPrincipalsMax: 1024,
  sessionStreamsMax: 4096,
  watchStreamsMax: 1024,
  traffic: defaultTrafficLimits,
  windowBytes: 4 * MIB,
  keepaliveMs: 20_000,
  keepaliveTimeoutMs: 5_000,
  connectionIdleMs: 300_000,
  callDeadlineMs: 5_000,
  callDeadlineMsMax: 60_000,
  adminDeadlineMs: 30_000,
  adminDeadlineMsMax: 600_000,
  deadlineMarginMs: 20,
  // With keys' overhead below 4 MiB, which gRPC clients receive without being told to.
  answerBytesMax: 4 * MIB - 128 * KIB,
  batchesMax: 256,
  bytesMax: 16 * MIB,
  totalBytesMax: 512 * MIB,
  helloMs: 5_000,
  batchDeadlineMsMax: 60_000,
  readsInFlightMax: 16,
  outputPauseBytes: 4 * MIB,
  // Holds the largest answers to readsInFlightMax read batches at the largest value limit.
  outputBytesMax: 192 * MIB,
  outputStallMs: 30_000,
};
