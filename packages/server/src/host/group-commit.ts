/**
 * Group commit (section 3 of the architecture): what all replicas must persist, one write at a
 * time. Readys taken while one is in flight join the next; after it is durable each replica learns
 * the highest Ready it covers.
 */
import type { Entry } from '@cashe/raft';
import type { HostObserver } from './observer.js';
import type { GroupRecords, Wal } from './storage-ports.js';

/** A replica as group commit sees it. */
interface CommitClient {
  durable(number: number): void;
}

interface Pending {
  readonly client: CommitClient;
  readonly records: GroupRecords;
  /** Ready these records complete; 0: they belong to none. */
  readonly number: number;
  readonly done: (() => void) | undefined;
}

export class GroupCommit {
  readonly #wal: Wal;
  readonly #nowMs: () => number;
  readonly #onDurable: () => void;
  readonly #onFailed: (error: Error) => void;
  readonly #observer: HostObserver | undefined;
  #pending: Pending[] = [];
  #inFlight: Pending[] = [];
  #completed: Pending[] = [];
  #sinceMs = 0;
  /** Record bytes of the write in flight. */
  #inFlightBytes = 0;
  #failed = false;
  #onIdle: (() => void) | undefined;

  constructor(options: {
    readonly wal: Wal;
    readonly nowMs: () => number;
    /** A write became durable: run a turn. */
    readonly onDurable: () => void;
    /** A write or sync failed: the node must stop (R39). */
    readonly onFailed: (error: Error) => void;
    readonly observer?: HostObserver | undefined;
  }) {
    this.#wal = options.wal;
    this.#nowMs = options.nowMs;
    this.#onDurable = options.onDurable;
    this.#onFailed = options.onFailed;
    this.#observer = options.observer;
  }

  /** How long the write in flight has been waiting for its sync, ms (R9). */
  waitingMs(): number {
    return this.#inFlight.length === 0 ? 0 : this.#nowMs() - this.#sinceMs;
  }

  get idle(): boolean {
    return this.#inFlight.length === 0 && this.#pending.length === 0;
  }

  /**
   * Queues what Ready `number` of `client` must persist. More than a block's worth goes in pieces,
   * in order; only the last one makes the Ready durable.
   */
  add(client: CommitClient, records: GroupRecords, number: number): void {
    const pieces = this.#pieces(records);
    for (const [i, piece] of pieces.entries()) {
      const last = i === pieces.length - 1;
      this.#pending.push({ client, records: piece, number: last ? number : 0, done: undefined });
    }
  }

  #pieces(records: GroupRecords): readonly GroupRecords[] {
    if (this.#wal.bytesOf(records) <= this.#wal.blockBytesMax) return [records];
    const rest = { ...records, hardState: undefined, snapshot: undefined };
    const pieces: GroupRecords[] = [{ ...records, entries: [] }];
    let entries: Entry[] = [];
    let bytes = 0;
    for (const entry of records.entries) {
      const size = this.#wal.bytesOf({ ...rest, entries: [entry] });
      if (entries.length > 0 && bytes + size > this.#wal.blockBytesMax) {
        pieces.push({ ...rest, entries });
        entries = [];
        bytes = 0;
      }
      entries.push(entry);
      bytes += size;
    }
    pieces.push({ ...rest, entries });
    return pieces;
  }

  /** Queues records that belong to no Ready: an own snapshot's marker, a tombstone. */
  addRecords(client: CommitClient, records: GroupRecords, done: () => void): void {
    this.#pending.push({ client, records, number: 0, done });
  }

  /** Tells the replicas what became durable; called at the start of a turn. */
  deliver(): void {
    const completed = this.#completed;
    if (completed.length === 0) return;
    this.#completed = [];
    for (const piece of completed) {
      if (piece.number > 0) piece.client.durable(piece.number);
      piece.done?.();
    }
  }

  /** Calls `run` once no write is in flight; only after the host stopped, so that none follows. */
  whenIdle(run: () => void): void {
    if (this.#inFlight.length === 0) run();
    else this.#onIdle = run;
  }

  /** Starts the next write when none is in flight: about one block's worth, in order. */
  flush(): void {
    if (this.#failed || this.#inFlight.length > 0 || this.#pending.length === 0) return;
    let bytes = 0;
    let count = 0;
    for (const piece of this.#pending) {
      const pieceBytes = this.#wal.bytesOf(piece.records);
      if (count > 0 && bytes + pieceBytes > this.#wal.blockBytesMax) break;
      bytes += pieceBytes;
      count += 1;
    }
    this.#inFlightBytes = bytes;
    this.#inFlight = this.#pending.splice(0, count);
    this.#sinceMs = this.#nowMs();
    const records = this.#inFlight.map((piece) => piece.records);
    try {
      this.#wal.append(records, (error) => this.#written(error));
    } catch (error) {
      // A broken rule of the log: nothing was written, and nothing will be.
      this.#inFlight = [];
      this.#failed = true;
      throw error;
    }
  }

  #written(error: Error | undefined): void {
    const written = this.#inFlight;
    this.#inFlight = [];
    this.#onIdle?.();
    if (error !== undefined) {
      this.#failed = true;
      this.#onFailed(error);
      return;
    }
    for (const piece of written) this.#completed.push(piece);
    if (this.#observer !== undefined) this.#observe(this.#observer, written);
    this.#onDurable();
  }

  #observe(observer: HostObserver, written: readonly Pending[]): void {
    let entryCount = 0;
    for (const { records } of written) entryCount += records.entries.length;
    observer.blockWritten(this.#nowMs() - this.#sinceMs, this.#inFlightBytes, entryCount);
  }
}
