import type {
  Entry,
  Fetch,
  HardState,
  Ready,
  RestoredState,
  SnapshotMeta,
  StoredEntries,
} from '../../src/types.js';

/** A state machine's content: the applied entries' data, by index. */
export type Machine = readonly string[];

/** Simulated stable storage: what was written survives a crash, the rest does not. */
export class Disk {
  hardState: HardState = { currentTerm: 0, votedFor: 0, commitIndex: 0 };
  base: SnapshotMeta;
  machine: Machine = [];
  entries: Entry[] = [];

  constructor(base: SnapshotMeta) {
    this.base = base;
  }

  /** Writes one Ready in the order its contract names. */
  write(ready: Ready, machine: Machine | undefined): void {
    if (ready.snapshot !== undefined && machine !== undefined) {
      this.base = ready.snapshot;
      this.machine = machine;
      this.entries = [];
    }
    if (ready.hardState !== undefined) this.hardState = ready.hardState;
    const first = ready.entries[0];
    if (first === undefined) return;
    this.entries.length = first.index - this.base.lastIncludedIndex - 1;
    this.entries.push(...ready.entries);
  }

  /** What is here of the entries asked for; undefined when the first is not. */
  read({ fromIndex, toIndex, bytesMax }: Fetch): StoredEntries | undefined {
    const start = fromIndex - this.base.lastIncludedIndex - 1;
    if (start < 0) return undefined;
    const { lastIncludedTerm } = this.base;
    const prevLogTerm = start === 0 ? lastIncludedTerm : this.entries[start - 1]?.term;
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of this.entries.slice(start)) {
      bytes += entry.data.length;
      if (entry.index > toIndex || (entries.length > 0 && bytes > bytesMax)) break;
      entries.push(entry);
    }
    if (prevLogTerm === undefined || entries.length === 0) return undefined;
    return { prevLogTerm, entries };
  }

  /** Replaces the log up to the snapshot by the snapshot. */
  compact(meta: SnapshotMeta, machine: Machine): void {
    if (meta.lastIncludedIndex <= this.base.lastIncludedIndex) return;
    this.entries = this.entries.slice(meta.lastIncludedIndex - this.base.lastIncludedIndex);
    this.base = meta;
    this.machine = machine;
  }

  restore(): RestoredState {
    return {
      hardState: this.hardState,
      base: this.base,
      entries: [...this.entries],
      appliedIndex: this.base.lastIncludedIndex,
    };
  }
}
