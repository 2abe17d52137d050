/**
 * Entries that left the memory tail but are still in the log on disk (R6): the leader asks its host
 * for them, one read per follower at a time, and sends what comes back. Below the tail everything
 * is committed and durable here, so what a read returns stays true however late it arrives.
 */
import { sendAppendEntries, sendSnapshot } from './append-messages.js';
import { assert } from './errors.js';
import { entryBytes } from './log.js';
import type { Progress } from './progress.js';
import type { RaftState } from './state.js';
import type { Entry, StoredEntries, Term } from './types.js';

/** Asks for the entries from `nextIndex` on, unless a read for this follower is under way. */
export function fetchStored(state: RaftState, progress: Progress): void {
  if (progress.fetchNumber !== 0) return;
  const { log, config, outbox } = state;
  assert(progress.nextIndex <= log.baseIndex, 'what is in memory is not read from disk');
  state.fetchNumber += 1;
  progress.fetchNumber = state.fetchNumber;
  outbox.fetches.push({
    number: state.fetchNumber,
    to: progress.replicaId,
    prevLogTerm: storedTermBefore(progress),
    fromIndex: progress.nextIndex,
    toIndex: log.baseIndex,
    bytesMax: config.appendBytesMax,
  });
}

/** The host's answer to fetch `number`; undefined: the log no longer reaches back so far. */
export function fetched(state: RaftState, number: number, stored: StoredEntries | undefined): void {
  const progress = waitingFor(state, number);
  if (progress === undefined) return;
  progress.fetchNumber = 0;
  // Whatever it needs next is decided by the next Ready.
  state.replicationDue = true;
  const isWanted = progress.state !== 'snapshot' && progress.nextIndex <= state.log.baseIndex;
  if (!isWanted || isHeldBack(progress)) return;
  if (stored === undefined) {
    sendSnapshot(state, progress);
    return;
  }
  const entries = takeStored(state, progress, stored.entries);
  const last = entries.at(-1);
  // For a place it has left since: asked for again.
  if (last === undefined) return;
  sendAppendEntries(state, progress, stored.prevLogTerm, entries);
  progress.sent(entries);
  progress.noteStored(last);
}

/** Entries from `nextIndex` on: contiguous, below the memory tail, within one message. */
function takeStored(state: RaftState, progress: Progress, entries: readonly Entry[]): Entry[] {
  const { log, config } = state;
  const taken: Entry[] = [];
  let index = progress.nextIndex;
  let bytes = 0;
  if (entries[0]?.index !== index) return taken;
  for (const entry of entries) {
    assert(entry.index === index, 'stored entries are contiguous');
    bytes += entryBytes(entry);
    if (index > log.baseIndex || (taken.length > 0 && bytes > config.appendBytesMax)) break;
    taken.push(entry);
    index += 1;
  }
  return taken;
}

/** The term before `nextIndex` if a read for this follower has told it. */
function storedTermBefore(progress: Progress): Term | undefined {
  const prevLogIndex = progress.nextIndex - 1;
  if (prevLogIndex === 0) return 0;
  return progress.storedIndex === prevLogIndex ? progress.storedTerm : undefined;
}

function isHeldBack(progress: Progress): boolean {
  return progress.state === 'probe' ? progress.probePaused : progress.inflights.full;
}

function waitingFor(state: RaftState, number: number): Progress | undefined {
  for (const progress of state.progress.values()) {
    if (progress.fetchNumber === number) return progress;
  }
  return undefined;
}
