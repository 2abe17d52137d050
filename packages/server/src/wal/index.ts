/** Stable storage on a disk: log, snapshots, identity and lock of a data directory. */
export { corrupt, StorageError } from './errors.js';
export type { FileWal } from './file-wal.js';
export {
  type InspectedStorage,
  inspectStorage,
  requireUnlocked,
  type SegmentView,
} from './inspection.js';
export { SEGMENT_BYTES, WAL_BYTES_MAX } from './open-wal.js';
export { type OpenedStorage, openStorage } from './storage.js';
export { syncWorkerUrl } from './sync-thread.js';
