/**
 * Brings a replica back from stable storage: the state machine from its snapshot, then the log
 * after it in bounded pieces, applying what is known to be committed on the way (R37).
 */
import type {
  Configuration,
  ConfigurationCodec,
  Entry,
  LogIndex,
  RestoredState,
  SnapshotMeta,
} from '@cashe/raft';
import type { AppliedEntry, StateMachine } from '@cashe/store';
import { LogStamp } from './log-stamp.js';
import type { Scheduler } from './ports.js';
import type { ApplyObserver } from './replica-context.js';
import { restoreSnapshot } from './restore.js';
import type { GroupLog, SnapshotStore, Wal } from './storage-ports.js';

interface BootedReplica {
  readonly restored: RestoredState;
  readonly store: StateMachine;
  readonly stamp: LogStamp;
}

interface BootParts {
  readonly wal: Pick<Wal, 'readEntries'>;
  readonly snapshots: Pick<SnapshotStore, 'open'>;
  readonly scheduler: Scheduler;
  readonly configurationCodec: ConfigurationCodec;
  /** Bytes of entries kept in memory once applied (R6). */
  readonly tailBytesMax: number;
  /** Bytes read from the log at a time. */
  readonly readBytesMax: number;
  /** The state of a group that has no snapshot yet. */
  newStore(group: number): StateMachine;
  readonly onApplied: ApplyObserver | undefined;
}

export class BootError extends Error {
  override readonly name = 'BootError';
}

export async function bootReplica(log: GroupLog, parts: BootParts): Promise<BootedReplica> {
  const marker = log.snapshot;
  if (marker === undefined) {
    throw new BootError(`group ${log.group} has a log without the state it starts from`);
  }
  const store = marker.file === '' ? parts.newStore(log.group) : await restored(marker.file, parts);
  const tail = new BootTail(marker.meta, parts);
  let next = marker.meta.lastIncludedIndex + 1;
  if (log.lastIndex >= next && log.firstIndex > next) {
    throw new BootError(`group ${log.group}: entries ${next} to ${log.firstIndex - 1} are missing`);
  }
  while (next <= log.lastIndex) {
    const entries = await readEntries(log.group, next, parts);
    if (entries.length === 0) throw new BootError(`group ${log.group}: no entry at ${next}`);
    for (const entry of entries) {
      if (entry.index <= log.hardState.commitIndex) {
        const result = apply(store, entry);
        parts.onApplied?.(log.group, entry, result, store);
      }
      tail.push(entry, store.appliedIndex);
    }
    next += entries.length;
    await pause(parts.scheduler);
  }
  const restoredState: RestoredState = {
    hardState: log.hardState,
    base: tail.base,
    entries: tail.entries,
    appliedIndex: store.appliedIndex,
  };
  const { lastIncludedTerm } = marker.meta;
  const stamp = new LogStamp(tail.lastNormal, log.lastEntryWallTimeMs, lastIncludedTerm);
  return { restored: restoredState, store, stamp };
}

/** The newest entries, at most `tailBytesMax` of what is applied, and what lies before them. */
class BootTail {
  readonly #parts: BootParts;
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #base: SnapshotMeta;
  lastNormal: Entry | undefined;

  constructor(base: SnapshotMeta, parts: BootParts) {
    this.#base = base;
    this.#parts = parts;
  }

  get base(): SnapshotMeta {
    return this.#base;
  }

  get entries(): readonly Entry[] {
    return this.#entries.slice(this.#head);
  }

  push(entry: Entry, appliedIndex: LogIndex): void {
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
    if (entry.kind === 'normal') this.lastNormal = entry;
    while (this.#bytes > this.#parts.tailBytesMax && this.#head < this.#entries.length) {
      const oldest = this.#entries[this.#head] as Entry;
      if (oldest.index > appliedIndex) break;
      this.#drop(oldest);
    }
  }

  #drop(entry: Entry): void {
    this.#head += 1;
    this.#bytes -= entry.data.length;
    const configuration: Configuration =
      entry.kind === 'configuration'
        ? this.#parts.configurationCodec.decode(entry.data)
        : this.#base.configuration;
    this.#base = {
      lastIncludedIndex: entry.index,
      lastIncludedTerm: entry.term,
      configuration,
    };
    if (this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

function apply(store: StateMachine, entry: Entry): AppliedEntry | undefined {
  if (entry.kind === 'normal') return store.apply(entry.index, entry.data, undefined);
  store.skip(entry.index);
  return undefined;
}

function restored(file: string, parts: BootParts): Promise<StateMachine> {
  return new Promise((resolve, reject) => {
    restoreSnapshot(parts.snapshots, file, parts.scheduler, (error, store) => {
      if (store === undefined) reject(error ?? new BootError(`${file} could not be restored`));
      else resolve(store);
    });
  });
}

function readEntries(
  group: number,
  fromIndex: LogIndex,
  parts: BootParts,
): Promise<readonly Entry[]> {
  return new Promise((resolve, reject) => {
    parts.wal.readEntries(group, fromIndex, parts.readBytesMax, (error, entries) => {
      if (error === undefined) resolve(entries);
      else reject(error);
    });
  });
}

function pause(scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.defer(resolve));
}
