/** The leader's side of log replication (section 5.3), pipelined under Progress (R5). */
import { maybeCommit } from './commit.js';
import { entryBytes } from './log.js';
import type { Progress } from './progress.js';
import { send } from './send.js';
import type { RaftState } from './state.js';
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
  // Too old by now: probing finds that out and asks for another snapshot.
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
  if (progress.probePaused) return;
  if (sendEntries(state, progress, slices) !== undefined) {
    progress.probePaused = true;
    progress.probeTicks = 0;
  }
}

function sendPipelined(state: RaftState, progress: Progress, slices: SliceCache): void {
  const { log } = state;
  while (progress.nextIndex <= log.lastIndex && !progress.inflights.full) {
    const entries = sendEntries(state, progress, slices);
    if (entries === undefined) return;
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    progress.nextIndex += entries.length;
    progress.inflights.add(progress.nextIndex - 1, bytes);
    progress.verifyDue = false;
  }
  if (!progress.verifyDue) return;
  progress.verifyDue = false;
  progress.probeTicks = 0;
  const prevLogTerm = log.termAt(progress.nextIndex - 1);
  // What it missed, if anything, may have left the tail meanwhile: then there is no asking.
  if (prevLogTerm === undefined) sendSnapshot(state, progress);
  else sendAppendEntries(state, progress, prevLogTerm, []);
}

/** One AppendEntries from nextIndex on, or a snapshot if that is below the tail: undefined. */
function sendEntries(
  state: RaftState,
  progress: Progress,
  slices: SliceCache,
): readonly Entry[] | undefined {
  const { log, config } = state;
  const prevLogTerm = log.termAt(progress.nextIndex - 1);
  if (prevLogTerm === undefined) {
    sendSnapshot(state, progress);
    return undefined;
  }
  let entries = slices.get(progress.nextIndex);
  if (entries === undefined) {
    entries = log.slice(progress.nextIndex, log.lastIndex, config.appendBytesMax);
    slices.set(progress.nextIndex, entries);
  }
  sendAppendEntries(state, progress, prevLogTerm, entries);
  return entries;
}

function sendAppendEntries(
  state: RaftState,
  progress: Progress,
  prevLogTerm: number,
  entries: readonly Entry[],
): void {
  send(state, {
    kind: 'appendEntriesRequest',
    from: state.config.replicaId,
    to: progress.replicaId,
    term: state.currentTerm,
    prevLogIndex: progress.nextIndex - 1,
    prevLogTerm,
    entries,
    leaderCommit: state.log.commitIndex,
    clusterTime: 0,
  });
}

function sendSnapshot(state: RaftState, progress: Progress): void {
  const { log, config } = state;
  // A transfer is expensive: only for a follower that answers. It is tried again after the next
  // heartbeat response.
  if (!progress.answered || progress.silentTicks >= config.electionTicksMax) {
    progress.becomeProbe(progress.nextIndex, true);
    return;
  }
  progress.becomeSnapshot(log.baseIndex);
  send(state, {
    kind: 'installSnapshotRequest',
    from: config.replicaId,
    to: progress.replicaId,
    term: state.currentTerm,
    snapshot: log.metaAt(log.baseIndex),
    clusterTime: 0,
  });
}
