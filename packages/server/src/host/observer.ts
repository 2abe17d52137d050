/** Hears of what a host did, for metrics: once per batch, block or event, never per op. */
import type { SoftState } from '@cashe/raft';

export interface HostObserver {
  /** A batch was accepted by the replica that serves it. */
  batch(kind: 'write' | 'read', opCount: number): void;
  /** The leader appended one entry that carries these batches. */
  proposed(batchCount: number, opCount: number): void;
  /** A block of the log became durable `ms` after its write began. */
  blockWritten(ms: number, bytes: number, entryCount: number): void;
  /** A replica's role, term or leader changed. */
  leadership(group: number, state: SoftState): void;
  /** A snapshot was taken and is durable, was sent to a follower, or was installed here. */
  snapshot(kind: SnapshotKind, ms: number, ok: boolean): void;
}

export type SnapshotKind = 'taken' | 'sent' | 'installed';
