import { Inflights } from './inflights.js';
import { entryBytes } from './log.js';
import type { Entry, LogIndex, ProgressState, RaftConfig, ReplicaId, Term } from './types.js';

/**
 * The leader's view of one other member.
 *
 * - `probe`: the match point is unknown; one message at a time, the next after an answer.
 * - `replicate`: known; messages are pipelined and `nextIndex` runs ahead of the answers.
 * - `snapshot`: below what the log on disk holds; nothing is appended until the snapshot arrived or
 *   failed.
 */
export class Progress {
  readonly replicaId: ReplicaId;
  readonly inflights: Inflights;
  state: ProgressState = 'probe';
  /** Invariant: matchIndex < nextIndex; matchIndex never decreases within a term. */
  matchIndex: LogIndex = 0;
  nextIndex: LogIndex;
  /** Probe only: a message is out and neither an answer nor a heartbeat response came yet. */
  probePaused = false;
  /** Snapshot only: the lowest snapshot that would let the follower catch up; otherwise 0. */
  pendingSnapshotIndex: LogIndex = 0;
  /** Ticks since the last answer of any kind; counted from the start of the term (R3). */
  silentTicks = 0;
  /** Ticks since the last acknowledged append (R9). */
  appendSilentTicks = 0;
  /** It answered at least once in this term: only then a snapshot is worth sending. */
  answered = false;
  /** Ticks since a probe, or an empty append that verifies the pipeline, was last sent. */
  probeTicks = 0;
  /** Replicate only: answers are missing; an empty append is due that finds out what was lost. */
  verifyDue = false;
  /** The read of stored entries under way for it; 0 = none. At most one (R6). */
  fetchNumber = 0;
  /** The last stored entry that was read for it: what follows needs its term. */
  storedIndex: LogIndex = 0;
  storedTerm: Term = 0;
  /** Highest read round this member confirmed in this term (R4). */
  readRound = 0;

  constructor(replicaId: ReplicaId, nextIndex: LogIndex, config: RaftConfig) {
    this.replicaId = replicaId;
    this.nextIndex = nextIndex;
    this.inflights = new Inflights(config.inflightAppendsMax, config.inflightBytesMax);
  }

  /** Stops pipelining and probes from `nextIndex`; `paused` waits for a heartbeat response. */
  becomeProbe(nextIndex: LogIndex, paused: boolean): void {
    this.state = 'probe';
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
    this.probePaused = paused;
    this.verifyDue = false;
    this.pendingSnapshotIndex = 0;
    this.inflights.clear();
  }

  becomeReplicate(): void {
    this.state = 'replicate';
    this.nextIndex = this.matchIndex + 1;
    this.probePaused = false;
    this.verifyDue = false;
    this.pendingSnapshotIndex = 0;
    this.inflights.clear();
  }

  becomeSnapshot(snapshotIndex: LogIndex): void {
    this.state = 'snapshot';
    this.probePaused = false;
    this.verifyDue = false;
    this.pendingSnapshotIndex = snapshotIndex;
    this.inflights.clear();
  }

  /** Entries from `nextIndex` on have left: a probe waits for its answer, a pipeline goes on. */
  sent(entries: readonly Entry[]): void {
    if (this.state === 'probe') {
      this.probePaused = true;
      this.probeTicks = 0;
      return;
    }
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    this.nextIndex += entries.length;
    this.inflights.add(this.nextIndex - 1, bytes);
    this.verifyDue = false;
  }

  noteStored(entry: Entry): void {
    this.storedIndex = entry.index;
    this.storedTerm = entry.term;
  }

  tick(): void {
    this.silentTicks += 1;
    this.appendSilentTicks += 1;
    this.probeTicks += 1;
  }

  /** Notes an answer of any kind. */
  heard(): void {
    this.silentTicks = 0;
    this.answered = true;
  }

  /** The follower holds everything up to `index`; says whether that is news. */
  maybeMatch(index: LogIndex): boolean {
    this.appendSilentTicks = 0;
    const advanced = index > this.matchIndex;
    if (advanced) this.matchIndex = index;
    if (this.nextIndex <= this.matchIndex) this.nextIndex = this.matchIndex + 1;
    if (this.state === 'replicate') this.inflights.freeTo(index);
    return advanced;
  }

  /**
   * Handles a rejected append that followed `prevLogIndex`; `hintIndex` is the best guess of the
   * match point. Says whether it was news: late rejections of pipelined messages are stale.
   */
  maybeReject(prevLogIndex: LogIndex, hintIndex: LogIndex): boolean {
    if (this.state === 'snapshot' || prevLogIndex <= this.matchIndex) return false;
    if (this.state === 'probe' && prevLogIndex !== this.nextIndex - 1) return false;
    if (prevLogIndex >= this.nextIndex) return false;
    this.becomeProbe(Math.min(prevLogIndex, hintIndex + 1), false);
    return true;
  }
}
