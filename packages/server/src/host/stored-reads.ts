/**
 * Reads back entries that left the memory tail, for followers that are behind it (R6). One read at
 * a time per replica, beside the turns: a turn asks, a later one hands over what came.
 */
import type { Entry, Fetch, LogIndex, StoredEntries, Term } from '@cashe/raft';
import type { ReplicaContext, ReplicaView } from './replica-context.js';
import type { Wal } from './storage-ports.js';

interface Answer {
  readonly number: number;
  readonly stored: StoredEntries | undefined;
}

export class StoredReads {
  readonly #replica: ReplicaView;
  readonly #context: ReplicaContext;
  readonly #wal: Wal;
  /** At most one per follower: the core asks for no more (`Progress`). */
  #waiting: Fetch[] = [];
  #reading: Fetch | undefined;
  #answers: Answer[] = [];

  constructor(replica: ReplicaView, context: ReplicaContext, wal: Wal) {
    this.#replica = replica;
    this.#context = context;
    this.#wal = wal;
  }

  start(fetches: readonly Fetch[]): void {
    if (fetches.length === 0) return;
    this.#waiting.push(...fetches);
    this.#next();
  }

  /** Leadership changed: the core no longer waits for what it asked for. */
  forget(): void {
    this.#waiting = [];
  }

  /** Hands over what was read since the last turn. */
  deliver(): void {
    if (this.#answers.length === 0) return;
    const answers = this.#answers;
    this.#answers = [];
    for (const { number, stored } of answers) this.#replica.raft.fetched(number, stored);
  }

  #next(): void {
    if (this.#reading !== undefined) return;
    const fetch = this.#waiting.shift();
    if (fetch === undefined) return;
    this.#reading = fetch;
    const prevLogTerm = fetch.prevLogTerm ?? this.#snapshotTerm(fetch.fromIndex - 1);
    if (prevLogTerm !== undefined) this.#readFrom(fetch, prevLogTerm);
    else this.#readTerm(fetch);
  }

  /** The entry before the first one is read by itself: only its term is wanted. */
  #readTerm(fetch: Fetch): void {
    this.#read(fetch.fromIndex - 1, 0, ([entry]) => {
      if (entry === undefined) this.#end(fetch, undefined);
      else this.#readFrom(fetch, entry.term);
    });
  }

  #readFrom(fetch: Fetch, prevLogTerm: Term): void {
    const { fromIndex, toIndex, bytesMax } = fetch;
    this.#read(fromIndex, bytesMax, (found) => {
      const entries = found.slice(0, toIndex - fromIndex + 1);
      this.#end(fetch, entries.length === 0 ? undefined : { prevLogTerm, entries });
    });
  }

  #read(fromIndex: LogIndex, bytesMax: number, done: (entries: readonly Entry[]) => void): void {
    this.#wal.readEntries(this.#replica.group, fromIndex, bytesMax, (error, entries) => {
      // What was durable is not what was written, or cannot be read: a log to be trusted no more.
      if (error !== undefined) this.#context.fatal(error);
      else done(entries);
    });
  }

  /** The entry a snapshot ends with may be gone, or was never here; the marker has its term. */
  #snapshotTerm(index: LogIndex): Term | undefined {
    const meta = this.#wal.groupLog(this.#replica.group)?.snapshot?.meta;
    return meta?.lastIncludedIndex === index ? meta.lastIncludedTerm : undefined;
  }

  #end({ number }: Fetch, stored: StoredEntries | undefined): void {
    this.#reading = undefined;
    this.#answers.push({ number, stored });
    this.#context.wake();
    this.#next();
  }
}
