/**
 * What crosses the boundary of the replicated state machine. It is pure and deterministic (R11):
 * the same entries in the same order give the same state, answers and digest on every replica.
 */
import type {
  AccessPolicy,
  Code,
  EntryPayload,
  Op,
  OpException,
  ReadResult,
  StateDigest,
} from '@cashe/codec';

export type Eviction = 'lru' | 'noeviction';

/** Replicated settings (R11, R18): part of the state, set at genesis, changed by entries. */
export interface Settings {
  /** 0: no limit. */
  readonly entriesMax: number;
  /** Logical bytes (see `recordBytes`). */
  readonly bytesMax: number;
  readonly eviction: Eviction;
  readonly replicationFactor: number;
  readonly valueBytesMax: number;
  readonly sessionsMax: number;
  readonly sessionWindow: number;
  readonly sessionBytesMax: number;
  readonly sessionIdleMs: number;
}

/** A node as group 0 knows it. */
export interface NodeRecord {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
  readonly replicaId: number;
  readonly formatVersionMax: number;
  readonly leaving: boolean;
}

/** What a group starts from; equal on all replicas. */
export interface StoreGenesis {
  readonly groupId: number;
  readonly hashSeed: number;
  readonly settings: Settings;
  /** Founders; group 0 only. */
  readonly nodes: readonly NodeRecord[];
  /** Group 0 only; open elsewhere. */
  readonly access: AccessPolicy;
}

/** Answer to one batch, as remembered by its session. */
export interface BatchAnswer {
  readonly code: Code;
  readonly firstRevision: number;
  readonly exceptions: readonly OpException[];
}

/** What applying one entry did. */
export interface AppliedEntry {
  /** One per envelope. */
  readonly answers: readonly BatchAnswer[];
  /** Answer to the entry's command: OK, or why it was refused. */
  readonly command: { readonly code: Code; readonly message: string } | undefined;
  /** Nodes, settings or the access policy changed. */
  readonly metaChanged: boolean;
  /** The leader's digest that the entry carried; compare it with `digestAt` of its index (R12). */
  readonly digest: StateDigest | undefined;
}

/** Batches the leader decoded before proposing, so that its own apply need not (section 3). */
export interface DecodedEntry {
  readonly payload: EntryPayload;
  /** Per batch; an op with a verdict is undefined. */
  readonly ops: readonly (readonly (Op | undefined)[])[];
}

export interface StoreStats {
  readonly entries: number;
  readonly bytes: number;
  readonly evictions: number;
  readonly expiries: number;
  readonly sessions: number;
  readonly sessionBytes: number;
  readonly revision: number;
  readonly clusterTimeMs: number;
}

/** Where a session stands, for reads that follow its writes (R13). */
export interface SessionPosition {
  readonly appliedSequence: number;
  readonly firstOutstanding: number;
}

/** The replicated state machine of one group. */
export interface StateMachine {
  readonly appliedIndex: number;
  /**
   * Applies the normal entry at `index`. Throws a StateMachineError on what only corruption
   * explains; the state machine must not be used any more.
   */
  apply(index: number, data: Uint8Array, decoded: DecodedEntry | undefined): AppliedEntry;
  /** Advances past an entry that carries nothing for the state machine (no-op, configuration). */
  skip(index: number): void;
  /**
   * Reads; what is due at max(applied cluster time, `hideDueAtMs`) is absent. The value is a view
   * that the store never changes.
   */
  read(op: Op, hideDueAtMs: number): ReadResult;
  /** Whether the key is still present at applied cluster time but due at `clusterTimeMs` (R17). */
  isDue(key: string, clusterTimeMs: number): boolean;
  /** Cluster time at which there is work for an entry of its own; Infinity when none is known. */
  nextExpiryMs(): number;
  /** Whether a TTL, lease or session exists: then the leader keeps the clock in the log (R16). */
  needsClock(): boolean;
  session(id: number): SessionPosition | undefined;
  settings(): Settings;
  /** 1 at genesis; every change adds 1. */
  settingsRevision(): number;
  settingsHash(): number;
  nodes(): readonly NodeRecord[];
  /** Who may do what (R40). A new object with every change: what follows from it can be kept. */
  access(): AccessPolicy;
  /** 1 at genesis; every change adds 1. */
  accessRevision(): number;
  stats(): StoreStats;
  digest(): StateDigest;
  /** This replica's digest right after `index`; undefined beyond the `digestsKeptMax` latest. */
  digestAt(index: number): StateDigest | undefined;
  /** Captures the state at the applied index for `scanSealed`; one seal at a time. */
  seal(): void;
  /** The next about `bytesMax` bytes of the sealed state; undefined once it is complete. */
  scanSealed(bytesMax: number): Uint8Array | undefined;
  /** Gives up a seal. */
  unseal(): void;
}

/** Rebuilds a state machine from what `scanSealed` produced, in bounded steps. */
export interface Restorer {
  /** Bytes in order; pieces may cut records anywhere. Throws StateMachineError on bad bytes. */
  push(bytes: Uint8Array): void;
  /** Does at most `restorePerStepMax` of work; true once everything pushed is in. */
  step(): boolean;
  /** Only after the last push and a `step()` that returned true. */
  finish(appliedIndex: number): StateMachine;
}
