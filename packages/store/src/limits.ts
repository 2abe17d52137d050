/** Bounds of the state machine's steps and tables (R34, R35). Sizes of ops are in the codec. */

/** Highest format of snapshots this binary restores. */
export const SNAPSHOT_FORMAT_VERSION_MAX = 1;

/** Due keys that one entry removes, in one expiry portion (R17). */
export const EXPIRE_PER_ENTRY_MAX = 2000;
/** Keys that one entry evicts beyond what its own ops need, after a limit was lowered (R18). */
export const EVICTIONS_PER_ENTRY_MAX = 2000;
/** Idle sessions that one step evicts: to make room, or after a limit was lowered. */
export const SESSIONS_EVICTED_PER_STEP_MAX = 256;
/** Records that one entry looks at while leases restart (R16). */
export const LEASES_PER_ENTRY_MAX = 8192;
/** List nodes that one entry visits to drop the ghosts of a seal that was given up. */
export const GHOSTS_PER_ENTRY_MAX = 8192;
/** Values that one entry moves out of sparse pages (R21). */
export const VALUES_MOVED_PER_ENTRY_MAX = 8192;
/** Snapshot records that one step of a restore inserts. */
export const RESTORE_PER_STEP_MAX = 1536;
/** And the bytes after which it does not begin another one. */
export const RESTORE_BYTES_PER_STEP_MAX: number = 4 * 1024 * 1024;
/** One message of a snapshot: the largest value with its key and framing, with room to spare. */
export const RESTORE_MESSAGE_BYTES_MAX: number = 16 * 1024 * 1024;
/** Bytes of a snapshot that may be pushed before they are stepped in. */
export const RESTORE_BUFFER_BYTES_MAX: number = 64 * 1024 * 1024;
/** Digests of the latest indices (R12). */
export const DIGESTS_KEPT_MAX = 8192;

export const NODES_MAX = 256;
export const REPLICATION_FACTOR_MAX = 9;
export const SESSIONS_MAX_LIMIT = 65_536;
export const SESSION_BYTES_MAX_LIMIT: number = 1024 * 1024 * 1024;
