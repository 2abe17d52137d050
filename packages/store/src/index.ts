export { StateMachineError } from './error.js';
export { checkInvariants } from './invariants.js';
export {
  DIGESTS_KEPT_MAX,
  EVICTIONS_PER_ENTRY_MAX,
  EXPIRE_PER_ENTRY_MAX,
  LEASES_PER_ENTRY_MAX,
  NODES_MAX,
  REPLICATION_FACTOR_MAX,
  RESTORE_BUFFER_BYTES_MAX,
  RESTORE_PER_STEP_MAX,
  SESSION_BYTES_MAX_LIMIT,
  SESSIONS_EVICTED_PER_STEP_MAX,
  SESSIONS_MAX_LIMIT,
} from './limits.js';
export { RecencyHints } from './recency-hints.js';
export { RECORD_OVERHEAD_BYTES, recordBytes } from './record-bytes.js';
export { changedSettings, validateSettings } from './settings.js';
export { createRestorer } from './snapshot/restorer.js';
export { createStore } from './store.js';
export type {
  AppliedEntry,
  BatchAnswer,
  DecodedEntry,
  Eviction,
  NodeRecord,
  Restorer,
  SessionPosition,
  Settings,
  StateMachine,
  StoreGenesis,
  StoreStats,
} from './types.js';
