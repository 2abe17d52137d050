import type { Linked } from '../sealable-list.js';
import type { BatchAnswer } from '../types.js';

/** What is kept of one executed batch until its answer is acknowledged (R14). Never changed. */
export interface RememberedBatch {
  readonly crc: number;
  readonly answer: BatchAnswer;
  /** Logical bytes. */
  readonly bytes: number;
  readonly digestHigh: number;
  readonly digestLow: number;
}

/** One client's numbered sequence of write batches in this group (R14). */
export class Session implements Linked<Session> {
  /** Index of the entry that opened it. */
  readonly id: number;
  readonly owner: string;
  readonly ownerBytes: number;
  firstOutstanding = 1;
  /** Highest executed sequence; 0: none yet. */
  appliedSequence = 0;
  /**
   * Invariant: one per sequence from firstOutstanding to appliedSequence, in order, without gaps
   * (see the header of session-table.ts).
   */
  batches: RememberedBatch[] = [];
  /** Cluster time of the last batch that was executed or answered again. */
  lastUsedMs = 0;
  stamp = 0;
  ghostOf = 0;
  prev: Session | undefined = undefined;
  next: Session | undefined = undefined;

  constructor(id: number, owner: string, ownerBytes: number) {
    this.id = id;
    this.owner = owner;
    this.ownerBytes = ownerBytes;
  }

  /** What lives on when this one becomes a ghost; not linked anywhere. */
  clone(): Session {
    const clone = new Session(this.id, this.owner, this.ownerBytes);
    clone.firstOutstanding = this.firstOutstanding;
    clone.appliedSequence = this.appliedSequence;
    clone.batches = this.batches.slice();
    clone.lastUsedMs = this.lastUsedMs;
    return clone;
  }
}
