/** The leader's side of log replication (section 5.3), pipelined under Progress (R5). */
import { sendAppendEntries } from './append-messages.js';
import { maybeCommit } from './commit.js';
import type { Progress } from './progress.js';
import type { RaftState } from './state.js';
import { fetchStored } from './stored-entries.js';
import { maybeSendTimeoutNow } from './transfer.js';
import type {
  AppendEntriesResponse,
  Entry,
  InstallSnapshotResponse,
  LogIndex,
  ReplicaId,
} from './types.js';

/** Slices already cut in this Ready: followers at the same position share one array. */
type SliceCache = Map<LogIndex, readonly Entry[]>;

/** Sends every follower what it may be sent now. Called once per Ready, so turns batch (R5). */
export function replicate(state: RaftState): void {
  state.replicationDue = false;
  const slices: SliceCache = new Map();
  for (const progress of state.progress.values()) {
    switch (progress.state) {
      case 'probe':
        sendProbe(state, progress, slices);
        break;
      case 'replicate':
        sendPipelined(state, progress, slices);
        break;
      case 'snapshot':
        break;
    }
  }
}

export function handleAppendEntriesResponse(
  state: RaftState,
  message: AppendEntriesResponse,
): void {
  const progress = state.progress.get(message.from);
  if (state.role !== 'leader' || progress === undefined) return;
  progress.heard();
  const { log } = state;
  if (!message.success) {
    const hintIndex = log.highestAtMost(message.hintIndex, message.hintTerm);
    if (progress.maybeReject(message.prevLogIndex, hintIndex)) state.replicationDue = true;
    return;
  }
  if (message.matchIndex > log.lastIndex) return;
  acknowledged(state, progress, message.matchIndex);
}

export function handleInstallSnapshotResponse(
  state: RaftState,
  message: InstallSnapshotResponse,
): void {
  const progress = state.progress.get(message.from);
  if (state.role !== 'leader' || progress === undefined) return;
  progress.heard();
  if (message.matchIndex > state.log.lastIndex) return;
  acknowledged(state, progress, message.matchIndex);
  // What follows it is no longer in memory: it comes from the log, or with another snapshot.
  if (progress.state === 'snapshot') progress.becomeProbe(progress.matchIndex + 1, false);
}

/** The host's transfer of a snapshot ended. */
export function reportSnapshot(state: RaftState, to: ReplicaId, succeeded: boolean): void {
  const progress = state.progress.get(to);
  if (state.role !== 'leader' || progress?.state !== 'snapshot') return;
  const next = succeeded ? progress.pendingSnapshotIndex + 1 : progress.matchIndex + 1;
  // Paused: the response is on its way, or the next attempt waits for a sign of life.
  progress.becomeProbe(next, true);
  progress.probeTicks = 0;
}

/** Messages to `to` may be lost: pipelining would only lose more. */
export function reportUnreachable(state: RaftState, to: ReplicaId): void {
  const progress = state.progress.get(to);
  if (state.role !== 'leader' || progress?.state !== 'replicate') return;
  progress.becomeProbe(progress.matchIndex + 1, false);
  state.replicationDue = true;
}

function acknowledged(state: RaftState, progress: Progress, matchIndex: LogIndex): void {
  const wasFull = progress.inflights.full;
  const advanced = progress.maybeMatch(matchIndex);
  const { log } = state;
  if (progress.state === 'probe') progress.becomeReplicate();
  else if (progress.state === 'snapshot' && progress.matchIndex >= log.baseIndex) {
    progress.becomeReplicate();
  }
  if (progress.nextIndex <= log.lastIndex || wasFull) state.replicationDue = true;
  if (!advanced) return;
  maybeCommit(state);
  maybeSendTimeoutNow(state);
}

/** Also when nothing is missing: only an answer to an append makes the follower count again. */
function sendProbe(state: RaftState, progress: Progress, slices: SliceCache): void {
  if (!progress.probePaused) sendEntries(state, progress, slices);
}

function sendPipelined(state: RaftState, progress: Progress, slices: SliceCache): void {
  const { log } = state;
  while (progress.nextIndex <= log.lastIndex && !progress.inflights.full) {
    if (!sendEntries(state, progress, slices)) return;
  }
  if (!progress.verifyDue) return;
  progress.verifyDue = false;
  progress.probeTicks = 0;
  const prevLogTerm = log.termAt(progress.nextIndex - 1);
  if (prevLogTerm !== undefined) {
    sendAppendEntries(state, progress, prevLogTerm, []);
    return;
  }
  // What it missed, if anything, may have left the tail meanwhile: from what it surely has on.
  progress.becomeProbe(progress.matchIndex + 1, false);
  fetchStored(state, progress);
}

/** One AppendEntries from nextIndex on; false when its entries must be read from the log first. */
function sendEntries(state: RaftState, progress: Progress, slices: SliceCache): boolean {
  const { log, config } = state;
  const prevLogTerm = log.termAt(progress.nextIndex - 1);
  if (prevLogTerm === undefined) {
    fetchStored(state, progress);
    return false;
  }
  let entries = slices.get(progress.nextIndex);
  if (entries === undefined) {
    entries = log.slice(progress.nextIndex, log.lastIndex, config.appendBytesMax);
    slices.set(progress.nextIndex, entries);
  }
  sendAppendEntries(state, progress, prevLogTerm, entries);
  progress.sent(entries);
  return true;
}
