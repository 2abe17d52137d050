/** Everything of a data directory in its order: lock, disk, identity; then log and snapshots. */
import type { DataDirectory, SnapshotStore } from '../host/storage-ports.js';
import { openDataDirectory } from './data-directory.js';
import { completed } from './disk.js';
import type { FileWal, WalEnvironment, WalSizes } from './file-wal.js';
import { lockDirectory } from './lock.js';
import { openNodeDisk } from './node-disk.js';
import { openWal } from './open-wal.js';
import { openSnapshotStore } from './snapshot-store.js';

interface StorageOptions {
  readonly path: string;
  readonly environment: WalEnvironment;
  /** `syncWorkerUrl` in production; undefined: libuv's pool syncs the log. */
  readonly syncWorker: URL | undefined;
}

/** A locked data directory. */
export interface OpenedStorage {
  readonly data: DataDirectory;
  readonly snapshots: SnapshotStore;
  /**
   * One at a time: an earlier one was closed. `mustExist`: the node has an identity, so an empty
   * log means lost files.
   */
  openLog(options: WalSizes & { readonly mustExist: boolean }): Promise<FileWal>;
  /** Closes the log, ends the thread, gives the lock back; no append is outstanding. */
  close(): Promise<void>;
}

/** Throws a `StorageError`; then nothing stays open. */
export async function openStorage(options: StorageOptions): Promise<OpenedStorage> {
  const { path, environment, syncWorker } = options;
  const disk = await openNodeDisk(path, { syncWorker });
  try {
    const lock = await lockDirectory(path);
    let wal: FileWal | undefined;
    const close = async (): Promise<void> => {
      const log = wal;
      wal = undefined;
      if (log !== undefined) await completed((done) => log.close(done));
      disk.close();
      await lock.release();
    };
    try {
      const random = (bytes: number): Uint8Array => environment.random(bytes);
      const data = await openDataDirectory(disk.root, random);
      const snapshots = await openSnapshotStore(disk.root, random);
      const openLog: OpenedStorage['openLog'] = async (sizes) => {
        wal = undefined;
        wal = await openWal({ ...sizes, parent: disk.root, environment });
        return wal;
      };
      return { data, snapshots, openLog, close };
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    disk.close();
    throw error;
  }
}
