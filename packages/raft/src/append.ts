import { syncProgress } from './roles.js';
import type { RaftState } from './state.js';
import type { Configuration, EntryKind } from './types.js';

const NO_DATA = new Uint8Array(0);

/** Appends one entry at the leader; it leaves with the next Ready. */
export function appendAtLeader(state: RaftState, kind: EntryKind, data: Uint8Array): void {
  const { log } = state;
  log.append([{ term: state.currentTerm, index: log.lastIndex + 1, kind, data }]);
  state.replicationDue = true;
}

/** Section 8: opens the leader's term, so that what came before it can commit. */
export function appendNoop(state: RaftState): void {
  appendAtLeader(state, 'noop', NO_DATA);
  state.termStartIndex = state.log.lastIndex;
}

/** Section 6: a configuration is in force as soon as it is appended. */
export function appendConfiguration(state: RaftState, configuration: Configuration): void {
  const data = state.config.configurationCodec.encode(configuration);
  appendAtLeader(state, 'configuration', data);
  syncProgress(state);
}

/** Drops what the memory bound no longer allows to keep (R6). */
export function trimTail(state: RaftState, keepBytes: number): void {
  state.log.trim(keepBytes, Number.MAX_SAFE_INTEGER);
}
