/** What the turn loop and the log report while they work. */
import type { SoftState } from '@cashe/raft';
import type { Counter, Histogram } from 'prom-client';
import type { HostObserver, SnapshotKind } from '../host/observer.js';
import type { CallMetrics } from './call-metrics.js';
import { bytesBuckets, countBuckets, type Instruments, secondsBuckets } from './instruments.js';

export class HostMetrics implements HostObserver {
  readonly #calls: CallMetrics;
  readonly #entryBatches: Histogram;
  readonly #entryOps: Histogram;
  readonly #syncs: Histogram;
  readonly #blockBytes: Histogram;
  readonly #blockEntries: Histogram;
  readonly #elections: Counter;
  readonly #leaderChanges: Counter;
  readonly #snapshots: Histogram;
  readonly #snapshotFailures: Counter;
  readonly #states = new Map<number, SoftState>();

  constructor(instruments: Instruments, calls: CallMetrics) {
    this.#calls = calls;
    const counts = { buckets: countBuckets };
    this.#entryBatches = instruments.histogram(
      'cashe_entry_batches',
      'Batches per entry that this node proposed as leader',
      counts,
    );
    this.#entryOps = instruments.histogram(
      'cashe_entry_ops',
      'Ops per entry that this node proposed as leader',
      { buckets: [...countBuckets, 2048, 4096, 8192] },
    );
    this.#syncs = instruments.histogram(
      'cashe_wal_sync_duration_seconds',
      'Time to write and sync one block of the log',
      { buckets: secondsBuckets },
    );
    this.#blockBytes = instruments.histogram('cashe_wal_block_bytes', 'Record bytes per block', {
      buckets: bytesBuckets,
    });
    this.#blockEntries = instruments.histogram(
      'cashe_wal_block_entries',
      'Entries per block of the log, of all groups',
      { buckets: [0, ...countBuckets] },
    );
    this.#elections = instruments.counter(
      'cashe_raft_elections_total',
      'Times a replica of this node became a candidate',
      ['group'],
    );
    this.#leaderChanges = instruments.counter(
      'cashe_raft_leader_changes_total',
      'Times a replica of this node learnt of a new leader or term',
      ['group'],
    );
    this.#snapshots = instruments.histogram(
      'cashe_snapshot_duration_seconds',
      'Time to take, send or install a snapshot',
      { names: ['kind'], buckets: secondsBuckets },
    );
    this.#snapshotFailures = instruments.counter(
      'cashe_snapshot_failures_total',
      'Snapshots that could not be taken or sent',
      ['kind'],
    );
  }

  batch(kind: 'write' | 'read', opCount: number): void {
    this.#calls.batch(kind, opCount);
  }

  proposed(batchCount: number, opCount: number): void {
    this.#entryBatches.observe(batchCount);
    this.#entryOps.observe(opCount);
  }

  blockWritten(ms: number, bytes: number, entryCount: number): void {
    this.#syncs.observe(ms / 1000);
    this.#blockBytes.observe(bytes);
    this.#blockEntries.observe(entryCount);
  }

  leadership(group: number, state: SoftState): void {
    const before = this.#states.get(group);
    this.#states.set(group, state);
    const labels = { group: String(group) };
    // It hears only of changes: a candidate that is one again is one of another term.
    if (state.role === 'candidate') this.#elections.inc(labels);
    const same = before?.leaderId === state.leaderId && before.term === state.term;
    if (state.leaderId !== 0 && !same) this.#leaderChanges.inc(labels);
  }

  snapshot(kind: SnapshotKind, ms: number, ok: boolean): void {
    if (ok) this.#snapshots.observe({ kind }, ms / 1000);
    else this.#snapshotFailures.inc({ kind });
  }
}
