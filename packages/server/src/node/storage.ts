/** Everything a node keeps on disk: opened in order, closed in order. */
import { randomBytes } from 'node:crypto';
import { deriveLimits, VALUE_BYTES_MAX_DEFAULT } from '@cashe/codec';
import type { GroupRecords, SnapshotStore, Wal } from '../host/index.js';
import {
  type FileWal,
  type OpenedStorage,
  openStorage,
  SEGMENT_BYTES,
  syncWorkerUrl,
  WAL_BYTES_MAX,
} from '../wal/index.js';
import type { Admission } from './admission.js';
import { realClock, realScheduler } from './real-ports.js';
import {
  decodeIdentity,
  encodeIdentity,
  type Genesis,
  type Identity,
  readGenesis,
} from './records.js';

export interface StorageSizes {
  readonly segmentBytes: number;
  readonly walBytesMax: number;
  /** Unless stated: what the cluster's largest value needs (R20). */
  readonly blockBytesMax?: number;
}

export const defaultStorageSizes: StorageSizes = {
  segmentBytes: SEGMENT_BYTES,
  walBytesMax: WAL_BYTES_MAX,
};

interface OpenLog {
  readonly wal: Wal;
  readonly snapshots: SnapshotStore;
}

/** One data directory, locked for this process. */
export class Storage {
  readonly nodeUid: string;
  readonly #opened: OpenedStorage;
  readonly #sizes: StorageSizes;
  #wal: Promise<FileWal> | undefined;
  /** Admission that is being written. */
  #admitting: Promise<void> | undefined;

  constructor(opened: OpenedStorage, sizes: StorageSizes) {
    this.#opened = opened;
    this.#sizes = sizes;
    this.nodeUid = opened.data.nodeUid;
  }

  /** Throws a StorageError: locked, foreign, corrupt or not accessible. */
  static async open(path: string, sizes: StorageSizes): Promise<Storage> {
    const environment = { clock: realClock, scheduler: realScheduler, random: randomBytes };
    const opened = await openStorage({ path, environment, syncWorker: syncWorkerUrl });
    return new Storage(opened, sizes);
  }

  genesis(): Genesis | undefined {
    const bytes = this.#opened.data.read('genesis');
    return bytes && readGenesis(bytes);
  }

  identity(): Identity | undefined {
    const bytes = this.#opened.data.read('identity');
    return bytes && decodeIdentity(bytes);
  }

  /** The identity this directory lost when its node was removed; undefined: it was not. */
  removedIdentity(): Identity | undefined {
    const bytes = this.#opened.data.read('tombstone');
    const removed = bytes && decodeIdentity(bytes);
    return removed?.replicaId === this.identity()?.replicaId ? removed : undefined;
  }

  /**
   * Fills the first segment of a new log while the node waits for founders or for admission. What
   * goes wrong is told by `admit`.
   */
  prepareLog(): void {
    this.#openWal(VALUE_BYTES_MAX_DEFAULT, false).catch(() => undefined);
  }

  /** Makes the node a member, durably. */
  admit(admission: Admission): Promise<void> {
    this.#admitting = this.#admit(admission);
    return this.#admitting;
  }

  /**
   * Genesis, then the log, then the identity: a directory with an identity has everything else, so
   * that a log which is missing later was lost (R37).
   */
  async #admit(admission: Admission): Promise<void> {
    await this.#write('genesis', admission.genesis.bytes);
    const wal = await this.#openWal(admission.genesis.settings.valueBytesMax, false);
    await this.#createGroups(wal, admission.genesis, admission.identity);
    await this.#write('identity', encodeIdentity(admission.identity));
  }

  /**
   * The node was removed. The file comes first: it is what a later start goes by, and what is left
   * to bury is buried then.
   */
  async bury(identity: Identity, groups: readonly number[]): Promise<void> {
    await this.#write('tombstone', encodeIdentity(identity));
    await this.#buryGroups(groups, identity.replicaId);
  }

  /** The replicas are gone for ever: durable before anything of them is deleted (R8). */
  async #buryGroups(groups: readonly number[], replicaId: number): Promise<void> {
    await this.#buryReplicas(groups, replicaId);
    for (const group of groups) {
      await new Promise<void>((resolve, reject) => {
        this.#opened.snapshots.retain(group, [], (error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      });
    }
  }

  async #buryReplicas(groups: readonly number[], replicaId: number): Promise<void> {
    const wal = await this.#wal;
    if (wal === undefined) return;
    const open = groups.filter((group) => wal.groupLog(group)?.tombstonedReplicaId !== replicaId);
    await append(
      wal,
      open.map((group) => tombstoneOf({ group, replicaId })),
    );
  }

  #write(record: 'genesis' | 'identity' | 'tombstone', bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opened.data.write(record, bytes, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** The log of an admitted node. */
  async log(admission: Admission): Promise<OpenLog> {
    const wal = await this.#openWal(admission.genesis.settings.valueBytesMax, true);
    return { wal, snapshots: this.#opened.snapshots };
  }

  #openWal(valueBytesMax: number, mustExist: boolean): Promise<FileWal> {
    const blockBytesMax = this.#sizes.blockBytesMax ?? deriveLimits(valueBytesMax).blockBytesMax;
    this.#wal = this.#reopen(this.#wal, blockBytesMax, mustExist);
    return this.#wal;
  }

  /** Keeps a log that is open, unless it was prepared for values of another size. */
  async #reopen(
    opened: Promise<FileWal> | undefined,
    blockBytesMax: number,
    mustExist: boolean,
  ): Promise<FileWal> {
    const open = await opened;
    if (open?.blockBytesMax === blockBytesMax) return open;
    if (open !== undefined) await closed(open);
    return this.#opened.openLog({ ...this.#sizes, blockBytesMax, mustExist });
  }

  /** A group starts from the founders' configuration at index 0, on founders and joiners alike. */
  #createGroups(wal: Wal, genesis: Genesis, identity: Identity): Promise<void> {
    const voters = genesis.founders.map((founder) => founder.replicaId);
    const replicaIdMax = Math.max(...voters);
    const configuration = { voters, votersOutgoing: [], learners: [], replicaIdMax };
    const meta = { lastIncludedIndex: 0, lastIncludedTerm: 0, configuration };
    const known = new Set(
      wal
        .groupLogs()
        .filter((log) => log.replicaId === identity.replicaId)
        .map((log) => log.group),
    );
    const missing = Array.from({ length: genesis.groupCount }, (_, group) => group).filter(
      (group) => !known.has(group),
    );
    const buried = this.#openReplicas(wal, identity.replicaId).map(tombstoneOf);
    const records = missing.map((group) => ({
      group,
      replicaId: identity.replicaId,
      hardState: { currentTerm: 0, votedFor: 0, commitIndex: 0 },
      entries: [],
      snapshot: { meta, file: '', replacesLog: false },
      tombstone: false,
    }));
    if (missing.length === 0) return Promise.resolve();
    return append(wal, [...buried, ...records]);
  }

  /** Replicas of an earlier membership that a crash left without their tombstone (R8). */
  #openReplicas(wal: Wal, except: number): { group: number; replicaId: number }[] {
    return wal
      .groupLogs()
      .filter((log) => log.replicaId !== except && log.replicaId > log.tombstonedReplicaId);
  }

  /** The host must have no append outstanding. */
  async close(): Promise<void> {
    // A node may be stopped while it enters its cluster; how that ends is told elsewhere.
    await Promise.allSettled([this.#admitting, this.#wal]);
    await this.#opened.close();
  }
}

function closed(wal: FileWal): Promise<void> {
  return new Promise((resolve, reject) => {
    wal.close((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

function tombstoneOf(replica: {
  readonly group: number;
  readonly replicaId: number;
}): GroupRecords {
  const { group, replicaId } = replica;
  const nothing = { hardState: undefined, entries: [], snapshot: undefined };
  return { group, replicaId, ...nothing, tombstone: true };
}

function append(wal: Wal, records: readonly GroupRecords[]): Promise<void> {
  if (records.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    wal.append(records, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
