/** Stable storage on a disk: log, snapshots, identity and lock of a data directory. */
export { openDataDirectory } from './data-directory.js';
export type { Directory, DiskFile } from './disk.js';
export { StorageError } from './errors.js';
export type { FileWal, WalEnvironment, WalSizes } from './file-wal.js';
export { type DirectoryLock, lockDirectory } from './lock.js';
export { type NodeDisk, openNodeDisk } from './node-disk.js';
export { type OpenWalOptions, openWal, SEGMENT_BYTES, WAL_BYTES_MAX } from './open-wal.js';
export { openSnapshotStore } from './snapshot-store.js';
export { type OpenedStorage, openStorage, type StorageOptions } from './storage.js';
export { syncWorkerUrl } from './sync-thread.js';
