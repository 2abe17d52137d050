import { appendAtLeader, trimTail } from './append.js';
import { assert } from './errors.js';
import { ENTRY_OVERHEAD_BYTES } from './log.js';
import type { RaftState } from './state.js';
import type { ProposeResult } from './types.js';

/** Appends one entry per payload, all or none; they leave with the next Ready. */
export function propose(state: RaftState, payloads: readonly Uint8Array[]): ProposeResult {
  assert(payloads.length > 0, 'propose without a payload');
  if (state.role !== 'leader') return { kind: 'notLeader', leaderId: state.leaderId };
  if (state.transferTarget !== 0) return { kind: 'busy', reason: 'transferring' };
  if (!makeRoom(state, payloads)) return { kind: 'busy', reason: 'tailFull' };
  const firstIndex = state.log.lastIndex + 1;
  for (const data of payloads) appendAtLeader(state, 'normal', data);
  return { kind: 'appended', term: state.currentTerm, firstIndex };
}

/** Drops old entries for new ones (R6). With nothing left that may not go, anything fits. */
function makeRoom(state: RaftState, payloads: readonly Uint8Array[]): boolean {
  let bytes = 0;
  for (const data of payloads) bytes += data.length + ENTRY_OVERHEAD_BYTES;
  const { tailBytesMax } = state.config;
  if (state.log.bytes + bytes <= tailBytesMax) return true;
  trimTail(state, Math.max(0, tailBytesMax - bytes));
  return state.log.bytes === 0 || state.log.bytes + bytes <= tailBytesMax;
}
