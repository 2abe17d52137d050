/**
 * What the simulator needs beside the host: the real log, snapshot files, records and Session
 * streams, to run over doubled doors. No part of the public surface; may change with any release.
 */
export { defaultApiLimits } from './api/limits.js';
export { localConnector } from './api/local-link.js';
export { type SessionSink, SessionStream, type SharedLoad } from './api/session-stream.js';
export type { Founder } from './config/options.js';
export type {
  AdminAnswer,
  AdminCall,
  ForwardedAnswer,
  SnapshotSink,
  SnapshotSource,
} from './host/ports.js';
export type { StorageDone } from './host/storage-ports.js';
export {
  type Admission,
  type AdmissionContext,
  AdmissionError,
  clusterIdentity,
  type Pausing,
} from './node/admission.js';
export { type AdmissionPorts, admit, existingAdmission } from './node/admitting.js';
export { FoundedAnswers, foundersHash } from './node/founding.js';
export { type MemberClient, MemberRefusal } from './node/joining.js';
export { keepRecordCurrent } from './node/membership.js';
export { type Genesis, genesisSettings, newGenesisRecord, readGenesis } from './node/records.js';
export { Storage } from './node/storage.js';
export { configurationCodec } from './rpc/configuration-codec.js';
export type { FoundHandler } from './rpc/found.js';
export { BLOCK_HEADER_BYTES, blockBytes, checkBlock, peekBlock } from './wal/block.js';
export { openDataDirectory } from './wal/data-directory.js';
export { completed, type Directory, type DiskFile, type FileDone } from './wal/disk.js';
export { systemError } from './wal/errors.js';
export { openWal } from './wal/open-wal.js';
export { parseSegmentName } from './wal/segment.js';
export { openSnapshotStore } from './wal/snapshot-store.js';
export type { OpenedStorage } from './wal/storage.js';
