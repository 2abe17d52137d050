/**
 * What the simulator needs beside the host: the real log, snapshot files, records and Session
 * streams, to run over doubled doors. No part of the public surface; may change with any release.
 */
export { defaultApiLimits } from './api/limits.js';
export { type SessionSink, SessionStream, type SharedLoad } from './api/session-stream.js';
export type { ForwardedAnswer, SnapshotSink, SnapshotSource } from './host/ports.js';
export type { StorageDone } from './host/storage-ports.js';
export { type Genesis, genesisSettings, newGenesisRecord, readGenesis } from './node/records.js';
export { configurationCodec } from './rpc/configuration-codec.js';
export { completed, type Directory, type DiskFile, type FileDone } from './wal/disk.js';
export { systemError } from './wal/errors.js';
export { openWal } from './wal/open-wal.js';
export { openSnapshotStore } from './wal/snapshot-store.js';
