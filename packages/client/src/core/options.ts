/** Bounds and times of a core (R35: every queue has a bound and a behaviour there). */
export interface CoreOptions {
  /** Where to start, host:port; more nodes are learned from the cluster. At least one. */
  readonly endpoints: readonly string[];
  /** Refuse nodes of other clusters; undefined: the first node reached decides (R25). */
  readonly clusterId: string | undefined;
  /** Free text for the server's log, at most 64 bytes. */
  readonly clientName: string;
  /** Ops not yet in a batch; beyond it a call fails as RESOURCE_EXHAUSTED. */
  readonly waitingOpsMax: number;
  /** Bytes of ops not yet in a batch; beyond it a call fails as RESOURCE_EXHAUSTED. */
  readonly waitingBytesMax: number;
  /**
   * Nodes connected to at once; further nodes are reached through these. 1: only the endpoint
   * given, as inside a node, whose own calls go to itself.
   */
  readonly linksMax: number;
  /** How often deadlines and silent links are looked for. */
  readonly sweepMs: number;
  /** A link with an unanswered transmission and silent for this long is avoided. */
  readonly silenceMs: number;
  /** A link silent for this long with something unanswered is replaced. */
  readonly silenceMaxMs: number;
  /** A link without the server's hello after this time is given up. */
  readonly connectTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** Pause before a refused batch is sent again, unless a leader is announced first. */
  readonly resendMinMs: number;
  readonly resendMaxMs: number;
  /** Time close() gives to what is outstanding and to closing the sessions. */
  readonly closeTimeoutMs: number;
}

export const coreDefaults: Omit<CoreOptions, 'endpoints'> = {
  clusterId: undefined,
  clientName: '@cashe/client',
  waitingOpsMax: 100_000,
  waitingBytesMax: 64 * 1024 * 1024,
  linksMax: 16,
  sweepMs: 10,
  silenceMs: 1_000,
  silenceMaxMs: 5_000,
  connectTimeoutMs: 3_000,
  reconnectMinMs: 50,
  reconnectMaxMs: 2_000,
  resendMinMs: 5,
  resendMaxMs: 100,
  closeTimeoutMs: 2_000,
};
