/**
 * The part of the log kept in memory (R6, "memory tail"), and the cursors into it:
 *
 *   base <= applying <= commit <= last,   applied <= applying,   persisted <= handed <= last
 *
 * Entries at or below the base were dropped, or came as a snapshot. `handed` is what Readys have
 * handed to the host, `persisted` what the host reported durable. A received snapshot moves the
 * base at once; `persisted` and `applied` stay below until the host reports it durable, restored.
 */
import { isVoter } from './configuration.js';
import { ConfigurationHistory } from './configuration-history.js';
import { assert } from './errors.js';
import type {
  Configuration,
  ConfigurationCodec,
  Entry,
  LogIndex,
  ReplicaId,
  RestoredState,
  SnapshotMeta,
  Term,
} from './types.js';

/** What an entry costs in every byte bound beside its data, so that empty ones are not free. */
export const ENTRY_OVERHEAD_BYTES = 64;

/** Dropped slots are released at once but the array is cut only in portions of this many. */
const DROPPED_SLOTS_MAX = 1024;

const DROPPED: Entry = { term: 0, index: 0, kind: 'noop', data: new Uint8Array(0) };

export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

export class Log {
  readonly #history: ConfigurationHistory;
  /** `#entries[#head]` has index `#baseIndex + 1`; slots below `#head` hold DROPPED. */
  #entries: Entry[] = [];
  #head = 0;
  #baseIndex: LogIndex;
  #baseTerm: Term;
  #bytes = 0;
  #commitIndex: LogIndex;
  #applyingIndex: LogIndex;
  #appliedIndex: LogIndex;
  /** Bytes of the entries in (applied, applying]. */
  #applyingBytes = 0;
  #handedIndex: LogIndex;
  #persistedIndex: LogIndex;

  constructor(codec: ConfigurationCodec, restored: RestoredState) {
    const { base, entries, hardState, appliedIndex } = restored;
    this.#history = new ConfigurationHistory(codec, base.lastIncludedIndex, base.configuration);
    this.#baseIndex = base.lastIncludedIndex;
    this.#baseTerm = base.lastIncludedTerm;
    this.#commitIndex = base.lastIncludedIndex;
    this.#applyingIndex = appliedIndex;
    this.#appliedIndex = appliedIndex;
    this.#handedIndex = base.lastIncludedIndex;
    this.#persistedIndex = base.lastIncludedIndex;
    this.append(entries);
    this.#handedIndex = this.lastIndex;
    this.#persistedIndex = this.lastIndex;
    assert(hardState.commitIndex <= this.lastIndex, 'restored commitIndex is beyond the log');
    this.#commitIndex = Math.max(hardState.commitIndex, base.lastIncludedIndex);
    assert(base.lastIncludedIndex <= appliedIndex, 'restored appliedIndex is below the base');
    assert(appliedIndex <= this.#commitIndex, 'restored appliedIndex is above commitIndex');
  }

  get baseIndex(): LogIndex {
    return this.#baseIndex;
  }

  get baseTerm(): Term {
    return this.#baseTerm;
  }

  get lastIndex(): LogIndex {
    return this.#baseIndex + this.#entries.length - this.#head;
  }

  get lastTerm(): Term {
    const last = this.#entries.length - 1;
    return last < this.#head ? this.#baseTerm : (this.#entries[last] ?? DROPPED).term;
  }

  get commitIndex(): LogIndex {
    return this.#commitIndex;
  }

  get applyingIndex(): LogIndex {
    return this.#applyingIndex;
  }

  get appliedIndex(): LogIndex {
    return this.#appliedIndex;
  }

  get handedIndex(): LogIndex {
    return this.#handedIndex;
  }

  get persistedIndex(): LogIndex {
    return this.#persistedIndex;
  }

  /** Bytes of the entries in memory, each with its overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  get applyingBytes(): number {
    return this.#applyingBytes;
  }

  /** The latest configuration, committed or not: it is in force once appended (section 6). */
  get configuration(): Configuration {
    return this.#history.latest.configuration;
  }

  get configurationIndex(): LogIndex {
    return this.#history.latest.index;
  }

  get configurationCommitted(): Configuration {
    return this.#history.at(this.#commitIndex).configuration;
  }

  /** Whether `id` votes in the committed configuration or in any that may still commit. */
  mayBeVoter(id: ReplicaId): boolean {
    return this.#history.someFrom(this.#commitIndex, (item) => isVoter(item, id));
  }

  /** The term of the entry at `index`; undefined below the base and above the last entry. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.#baseIndex) return this.#baseTerm;
    if (index < this.#baseIndex) return undefined;
    return this.#entries[this.#head + index - this.#baseIndex - 1]?.term;
  }

  /** The entry at `index`, which must be in memory. */
  entryAt(index: LogIndex): Entry {
    const entry = this.#entries[this.#head + index - this.#baseIndex - 1];
    assert(entry !== undefined && entry.index === index, 'entry is not in memory');
    return entry;
  }

  /** Entries from `from` on, up to `bytesMax` but at least one; empty when there is none. */
  slice(from: LogIndex, to: LogIndex, bytesMax: number): Entry[] {
    const start = this.#head + from - this.#baseIndex - 1;
    assert(start >= this.#head, 'slice starts below the memory tail');
    const stop = this.#head + to - this.#baseIndex;
    let end = start;
    let bytes = 0;
    for (; end < stop; end += 1) {
      bytes += entryBytes(this.#entries[end] ?? DROPPED);
      if (bytes > bytesMax && end > start) break;
    }
    return this.#entries.slice(start, end);
  }

  /** Section 5.4.1: at least as up-to-date as ours. */
  isUpToDate(lastLogIndex: LogIndex, lastLogTerm: Term): boolean {
    const ownTerm = this.lastTerm;
    return lastLogTerm > ownTerm || (lastLogTerm === ownTerm && lastLogIndex >= this.lastIndex);
  }

  /**
   * The highest index at or below `index` whose term is at most `term`: terms never decrease along
   * a log, so nothing above it can match. One below the base when nothing in memory qualifies.
   */
  highestAtMost(index: LogIndex, term: Term): LogIndex {
    let low = this.#baseIndex - 1;
    let high = Math.min(index, this.lastIndex);
    if (high <= low) return Math.max(0, high);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.termAt(middle) ?? 0) <= term) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** Appends entries that follow the last one. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, 'appended entry leaves a gap');
      assert(entry.term >= this.lastTerm, 'appended entry has an older term');
      // Decoding may throw: a configuration this binary cannot read must stop the node (R11).
      if (entry.kind === 'configuration') this.#history.push(entry.index, entry.data);
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
    }
  }

  /** Removes `index` and everything after it; configurations revert with their entries (B34). */
  truncateFrom(index: LogIndex): void {
    assert(index > this.#commitIndex, 'truncation of a committed entry');
    const keep = this.#head + index - this.#baseIndex - 1;
    for (let i = keep; i < this.#entries.length; i += 1) {
      this.#bytes -= entryBytes(this.#entries[i] ?? DROPPED);
    }
    this.#entries.length = Math.min(this.#entries.length, keep);
    this.#handedIndex = Math.min(this.#handedIndex, index - 1);
    this.#persistedIndex = Math.min(this.#persistedIndex, index - 1);
    this.#history.truncateFrom(index);
  }

  /** Raises commitIndex; says whether it moved. */
  commitTo(index: LogIndex): boolean {
    if (index <= this.#commitIndex) return false;
    assert(index <= this.lastIndex, 'commit beyond the last entry');
    this.#commitIndex = index;
    return true;
  }

  /** Entries not handed to the host for persistence yet; marks them handed. */
  handUnpersisted(): Entry[] {
    const entries = this.slice(this.#handedIndex + 1, this.lastIndex, Number.MAX_SAFE_INTEGER);
    this.#handedIndex = this.lastIndex;
    return entries;
  }

  /** Whether handCommitted would return something. */
  hasCommitted(applyingBytesMax: number): boolean {
    if (this.#applyingIndex === this.#commitIndex) return false;
    return this.#applyingBytes === 0 || this.#applyingBytes < applyingBytesMax;
  }

  /**
   * Committed entries to apply next, so that those handed out and not applied stay within
   * `applyingBytesMax` (one entry always fits).
   */
  handCommitted(applyingBytesMax: number): Entry[] {
    if (!this.hasCommitted(applyingBytesMax)) return [];
    const free = applyingBytesMax - this.#applyingBytes;
    const entries = this.slice(this.#applyingIndex + 1, this.#commitIndex, free);
    for (const entry of entries) this.#applyingBytes += entryBytes(entry);
    this.#applyingIndex += entries.length;
    return entries;
  }

  persistedTo(index: LogIndex): void {
    assert(index <= this.#handedIndex, 'persisted beyond what was handed out');
    this.#persistedIndex = Math.max(this.#persistedIndex, index);
  }

  appliedTo(index: LogIndex): void {
    assert(index <= this.#applyingIndex, 'applied beyond what was handed out');
    for (let i = Math.max(this.#appliedIndex, this.#baseIndex) + 1; i <= index; i += 1) {
      this.#applyingBytes -= entryBytes(this.entryAt(i));
    }
    this.#appliedIndex = Math.max(this.#appliedIndex, index);
  }

  /** Replaces everything by a snapshot, which the host still has to persist and to restore. */
  restore(meta: SnapshotMeta): void {
    assert(meta.lastIncludedIndex > this.#commitIndex, 'snapshot is not ahead of commitIndex');
    const index = meta.lastIncludedIndex;
    // What was committed is the same in the snapshot's log; anything above may differ.
    this.#persistedIndex = Math.min(this.#persistedIndex, this.#commitIndex);
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#baseIndex = index;
    this.#baseTerm = meta.lastIncludedTerm;
    this.#commitIndex = index;
    this.#applyingIndex = index;
    this.#applyingBytes = 0;
    this.#handedIndex = index;
    this.#history.reset(index, meta.configuration);
  }

  /** Drops the oldest entries while more than `keepBytes` are kept, none above `limitIndex`. */
  trim(keepBytes: number, limitIndex: LogIndex): void {
    const limit = Math.min(limitIndex, this.#appliedIndex, this.#persistedIndex);
    if (this.#bytes <= keepBytes || this.#baseIndex >= limit) return;
    while (this.#bytes > keepBytes && this.#baseIndex < limit) {
      const entry = this.#entries[this.#head] ?? DROPPED;
      this.#entries[this.#head] = DROPPED;
      this.#head += 1;
      this.#baseIndex += 1;
      this.#baseTerm = entry.term;
      this.#bytes -= entryBytes(entry);
    }
    this.#history.dropBelow(this.#baseIndex);
    if (this.#head >= DROPPED_SLOTS_MAX && this.#head * 2 >= this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** The meta of a snapshot taken at `index`. */
  metaAt(index: LogIndex): SnapshotMeta {
    const lastIncludedTerm = this.termAt(index);
    assert(lastIncludedTerm !== undefined, 'snapshot index is not in memory');
    const { configuration } = this.#history.at(index);
    return { lastIncludedIndex: index, lastIncludedTerm, configuration };
  }
}
