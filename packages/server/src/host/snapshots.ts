/**
 * The snapshots of one replica (R6, R38): when to take one, sending it to followers that fell
 * behind the log, receiving one, and which entries and files may go.
 */
import type { InstallSnapshotRequest, LogIndex, ReplicaId, SnapshotMeta } from '@cashe/raft';
import type { StateMachine } from '@cashe/store';
import { retention } from './log-retention.js';
import type { SnapshotKind } from './observer.js';
import type { Scheduler, SnapshotSink, SnapshotSource } from './ports.js';
import type { ReplicaContext, ReplicaSnapshots, ReplicaView } from './replica-context.js';
import { restoreSnapshot } from './restore.js';
import { receiveSnapshot } from './snapshot-receiving.js';
import { verifySnapshot, writeSnapshot } from './snapshot-writing.js';
import type { SnapshotMarker, SnapshotReader, SnapshotStore, Wal } from './storage-ports.js';

/** One snapshot is taken at a time per node (R6). */
interface SnapshotSlot {
  busy: boolean;
}

export interface SnapshotPorts {
  readonly wal: Wal;
  readonly snapshots: SnapshotStore;
  readonly scheduler: Scheduler;
  readonly slot: SnapshotSlot;
  /** Between 0 and 1: spreads the trigger so that replicas do not all snapshot at once. */
  readonly jitter: number;
}

interface Transfer {
  readonly message: InstallSnapshotRequest;
  readonly sinceMs: number;
  /** Where the snapshot that is sent ends; 0: not started. */
  index: LogIndex;
  /** It is there: the log behind it is kept until the follower caught up, or for too long. */
  delivered: boolean;
}

/** A snapshot that arrived whole and that the core has not installed yet. */
interface Received {
  readonly meta: SnapshotMeta;
  readonly file: string;
  ticks: number;
}

/** A turn steps every message long before this many ticks: then the core did not want it. */
const RECEIVED_TICKS_MAX = 100;

/** Pause after a snapshot that could not be written, as for a full disk (R9). */
const RETRY_MS = 1000;

export class Snapshots implements ReplicaSnapshots {
  readonly #replica: ReplicaView;
  readonly #context: ReplicaContext;
  readonly #ports: SnapshotPorts;
  readonly #transfers: Map<ReplicaId, Transfer> = new Map();
  #index: LogIndex;
  #file: string;
  #bytes = 0;
  /** A snapshot that was verified covers everything up to here. */
  #coveredIndex: LogIndex = 0;
  #releasedIndex: LogIndex = 0;
  #taking = false;
  #receiving = false;
  #received: Received | undefined;
  #retaining = false;
  #retryAtMs = 0;

  constructor(
    replica: ReplicaView,
    context: ReplicaContext,
    ports: SnapshotPorts,
    marker: SnapshotMarker | undefined,
  ) {
    this.#replica = replica;
    this.#context = context;
    this.#ports = ports;
    this.#index = marker?.meta.lastIncludedIndex ?? 0;
    this.#file = marker?.file ?? '';
  }

  get index(): LogIndex {
    return this.#index;
  }

  tick(): void {
    if (this.#received !== undefined) this.#dropUnwanted(this.#received);
    this.#verifyCovered();
    this.#startTransfers();
    this.#endCatchUps();
    this.#releaseLog();
    if (this.#due()) this.#take();
  }

  // ---- taking ----

  #due(): boolean {
    if (this.#taking || this.#ports.slot.busy || this.#replica.restoring) return false;
    if (this.#retaining || this.#received !== undefined) return false;
    if (this.#context.clock.nowMs() < this.#retryAtMs) return false;
    if (this.#replica.store.appliedIndex <= this.#index) return false;
    const status = this.#ports.wal.status();
    if (status.state === 'full' && status.pinningGroup === this.#replica.group) return true;
    if (this.#needsFirst) return true;
    const trigger = Math.max(this.#context.config.snapshotTriggerBytes, this.#bytes);
    const spread = trigger * (0.9 + 0.2 * this.#ports.jitter);
    return this.#ports.wal.bytesSince(this.#replica.group) >= spread;
  }

  #take(): void {
    const { store, raft, group } = this.#replica;
    const index = store.appliedIndex;
    // R38: a snapshot never reaches above what is durable here.
    if (index > raft.status().persistedIndex) return;
    const meta = raft.snapshotMeta(index);
    this.#taking = true;
    this.#ports.slot.busy = true;
    const startedMs = this.#context.clock.nowMs();
    store.seal();
    writeSnapshot(this.#ports.snapshots, store, group, meta, (error, file, bytes) => {
      if (error !== undefined) {
        this.#endTaking();
        this.#retryAtMs = this.#context.clock.nowMs() + RETRY_MS;
        this.#context.log.error('snapshot failed', { group, index, error: error.message });
        this.#observe('taken', startedMs, false);
        return;
      }
      const ms = Math.round(this.#context.clock.nowMs() - startedMs);
      this.#context.log.info('snapshot written', { group, index, bytes, ms });
      this.#observe('taken', startedMs, true);
      this.#mark(meta, file, bytes);
    });
  }

  #endTaking(): void {
    this.#taking = false;
    this.#ports.slot.busy = false;
    this.#context.wake();
  }

  #mark(meta: SnapshotMeta, file: string, bytes: number): void {
    if (meta.lastIncludedIndex <= this.#index) {
      // One that was installed meanwhile is newer; `retain` collects the file.
      this.#endTaking();
      return;
    }
    const { group, replicaId } = this.#replica;
    const snapshot = { meta, file, replacesLog: false };
    const marker = { hardState: undefined, entries: [], snapshot, tombstone: false };
    this.#context.commit.addRecords(this.#replica, { group, replicaId, ...marker }, () => {
      // Not if a newer one was installed while this marker was being written.
      if (meta.lastIncludedIndex > this.#index) {
        this.#index = meta.lastIncludedIndex;
        this.#file = file;
        this.#bytes = bytes;
        this.#compact();
      }
      this.#endTaking();
    });
    this.#context.wake();
  }

  #compact(): void {
    // An installed snapshot is the log's base already, and not applied before it is restored.
    if (this.#index === 0 || this.#index > this.#replica.raft.status().appliedIndex) return;
    this.#replica.raft.compact(this.#index);
  }

  /** Once the marker is durable and the file was read back: the files before it go (R38). */
  #verifyCovered(): void {
    if (this.#coveredIndex >= this.#index || this.#file === '' || this.#retaining) return;
    // A file that no marker names yet must not be taken for one that may go.
    if (this.#taking || this.#receiving || this.#received !== undefined) return;
    if (this.#replica.raft.status().persistedIndex < this.#index) return;
    const { group } = this.#replica;
    const index = this.#index;
    this.#retaining = true;
    verifySnapshot(this.#ports.snapshots, this.#file, (error) => {
      if (error !== undefined) {
        this.#context.fatal(error);
        return;
      }
      this.#coveredIndex = index;
      this.#releaseLog();
      this.#ports.snapshots.retain(group, [this.#file], (retainError) => {
        this.#retaining = false;
        if (retainError === undefined) return;
        this.#context.log.warn('old snapshots not deleted', { group, error: retainError.message });
      });
    });
  }

  /** The log that a snapshot covers goes, but for what followers are served from (R6). */
  #releaseLog(): void {
    if (this.#releasedIndex >= this.#coveredIndex) return;
    const { group, raft, leads } = this.#replica;
    const progress = leads ? raft.status().progress : [];
    const { releaseIndex, givenUp } = retention(this.#coveredIndex, this.#ports.wal.status(), {
      progress,
      transfers: this.#keptFor(),
      followerLogBytesMax: this.#context.config.followerLogBytesMax,
    });
    if (releaseIndex <= this.#releasedIndex) return;
    this.#releasedIndex = releaseIndex;
    this.#ports.wal.release(group, releaseIndex);
    if (givenUp.length === 0) return;
    this.#context.log.warn('the log is kept no longer for replicas far behind', { group, givenUp });
  }

  #keptFor(): ReadonlyMap<ReplicaId, LogIndex> {
    const kept = new Map<ReplicaId, LogIndex>();
    const sinceMs = this.#context.clock.nowMs() - this.#context.config.snapshotPinMs;
    for (const [to, transfer] of this.#transfers) {
      if (transfer.sinceMs > sinceMs)
        kept.set(to, transfer.index === 0 ? this.#index : transfer.index);
    }
    return kept;
  }

  // ---- sending ----

  send(message: InstallSnapshotRequest): void {
    const earlier = this.#transfers.get(message.to);
    if (earlier !== undefined && !earlier.delivered) return;
    const sinceMs = this.#context.clock.nowMs();
    this.#transfers.set(message.to, { message, sinceMs, index: 0, delivered: false });
    this.#context.wake();
  }

  /** A transfer while there is no snapshot yet. */
  get #needsFirst(): boolean {
    return this.#file === '' && this.#transfers.size > 0;
  }

  #startTransfers(): void {
    for (const transfer of this.#transfers.values()) {
      if (!this.#replica.leads) this.#endTransfer(transfer, false);
      else if (transfer.index === 0 && this.#file !== '') this.#startTransfer(transfer);
    }
  }

  /** Who got a snapshot and the log behind it counts as any other follower again. */
  #endCatchUps(): void {
    if (this.#transfers.size === 0) return;
    const { progress, firstIndex } = this.#replica.raft.status();
    const pinMs = this.#context.config.snapshotPinMs;
    const nowMs = this.#context.clock.nowMs();
    for (const [to, transfer] of this.#transfers) {
      if (!transfer.delivered) continue;
      const matchIndex = progress.find(({ replicaId }) => replicaId === to)?.matchIndex;
      const isCaughtUp = matchIndex === undefined || matchIndex >= firstIndex;
      if (isCaughtUp || nowMs - transfer.sinceMs >= pinMs) this.#transfers.delete(to);
    }
  }

  #startTransfer(transfer: Transfer): void {
    transfer.index = this.#index;
    this.#ports.snapshots.open(this.#file, (error, reader) => {
      if (reader === undefined) {
        this.#context.log.error('snapshot unreadable', { error: error?.message });
        this.#endTransfer(transfer, false);
        return;
      }
      const { group } = this.#replica;
      const { to } = transfer.message;
      const index = reader.meta.lastIncludedIndex;
      const startedMs = this.#context.clock.nowMs();
      this.#context.log.info('snapshot transfer started', { group, to, index });
      const clusterTime = this.#replica.clusterClock.told(this.#context.clock.nowMs());
      const message = { ...transfer.message, snapshot: reader.meta, clusterTime };
      this.#context.transport.sendSnapshot(group, message, sourceOf(reader), (delivered) => {
        this.#context.log.info('snapshot transfer ended', { group, to, index, delivered });
        this.#observe('sent', startedMs, delivered);
        this.#endTransfer(transfer, delivered);
      });
    });
  }

  #endTransfer(transfer: Transfer, delivered: boolean): void {
    const { to } = transfer.message;
    if (this.#transfers.get(to) !== transfer) return;
    if (delivered) transfer.delivered = true;
    else this.#transfers.delete(to);
    this.#replica.raft.reportSnapshot(to, delivered);
    this.#context.wake();
  }

  // ---- receiving ----

  receive(message: InstallSnapshotRequest, deliver: () => void): SnapshotSink | undefined {
    if (this.#receiving || this.#retaining || this.#received !== undefined) return undefined;
    if (this.#replica.restoring) return undefined;
    this.#receiving = true;
    const { group } = this.#replica;
    const meta = message.snapshot;
    return receiveSnapshot(this.#ports.snapshots, group, meta, (file) => {
      this.#receiving = false;
      if (file === undefined) return;
      this.#received = { meta, file, ticks: 0 };
      deliver();
    });
  }

  #dropUnwanted(received: Received): void {
    received.ticks += 1;
    if (received.ticks > RECEIVED_TICKS_MAX) this.#received = undefined;
  }

  installed(meta: SnapshotMeta): SnapshotMarker {
    const received = this.#received;
    if (received?.meta.lastIncludedIndex !== meta.lastIncludedIndex) {
      throw new Error('the core installed a snapshot that was not received');
    }
    this.#index = meta.lastIncludedIndex;
    this.#file = received.file;
    this.#received = undefined;
    return { meta, file: received.file, replacesLog: true };
  }

  restore(meta: SnapshotMeta, done: (store: StateMachine) => void): void {
    const { group } = this.#replica;
    const index = meta.lastIncludedIndex;
    const file = this.#file;
    const startedMs = this.#context.clock.nowMs();
    restoreSnapshot(this.#ports.snapshots, file, this.#ports.scheduler, (error, store) => {
      if (store === undefined) {
        this.#context.fatal(error ?? new Error('snapshot could not be restored'));
        return;
      }
      const ms = Math.round(this.#context.clock.nowMs() - startedMs);
      this.#context.log.info('snapshot installed', { group, index, ms });
      this.#observe('installed', startedMs, true);
      done(store);
      this.#compact();
    });
  }

  #observe(kind: SnapshotKind, startedMs: number, ok: boolean): void {
    this.#context.observer?.snapshot(kind, this.#context.clock.nowMs() - startedMs, ok);
  }
}

function sourceOf(reader: SnapshotReader): SnapshotSource {
  return {
    sizeBytes: reader.bytes,
    read: (done) => reader.read(done),
    // A read-only file: there is nothing to do about an error on closing it.
    close: () => reader.close(ignoreCloseError),
  };
}

function ignoreCloseError(): void {}
