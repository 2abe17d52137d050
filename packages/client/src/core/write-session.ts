import type { NumberedBatch } from './batch.js';

/**
 * One session of one group: numbers batches and knows which have no final answer (R14, R15).
 * Invariant: `outstanding` holds consecutive sequences up to the last one numbered, and its first
 * batch is live; a batch that is not live stays only behind one that is.
 */
export class WriteSession {
  readonly id: number;
  readonly outstanding: NumberedBatch[] = [];
  /** The group no longer knows it: nothing is sent, answers still under way are awaited. */
  isEvicted = false;
  #nextSequence = 1;

  constructor(id: number) {
    this.id = id;
  }

  /** Lowest sequence without a final answer. */
  get firstOutstanding(): number {
    return this.outstanding[0]?.sequence ?? this.#nextSequence;
  }

  hasRoom(window: number): boolean {
    return !this.isEvicted && this.outstanding.length < window;
  }

  number(batch: NumberedBatch): void {
    batch.sequence = this.#nextSequence;
    this.#nextSequence += 1;
    this.outstanding.push(batch);
  }

  /**
   * Forgets the batches at the front that are not live. An abandoned one is thereby skipped: the
   * next batch's firstOutstanding tells the group that it is not to be waited for.
   */
  advance(): void {
    let count = 0;
    for (; count < this.outstanding.length; count++) {
      if (this.outstanding[count]?.state === 'live') break;
    }
    if (count > 0) this.outstanding.splice(0, count);
  }

  /** R13: the highest sequence up to `bound` that a read must wait for; 0: none. */
  lastLiveSequence(bound: number): number {
    for (let at = this.outstanding.length - 1; at >= 0; at--) {
      const batch = this.outstanding[at];
      if (batch?.state === 'live' && batch.sequence <= bound) return batch.sequence;
    }
    return 0;
  }

  get lastSequence(): number {
    return this.#nextSequence - 1;
  }

  /**
   * The batches to send now, in order. What is behind the last live batch needs no sending, and
   * nothing may pass a dead batch: its number is skipped once it is at the front.
   */
  toSend(): NumberedBatch[] {
    const batches: NumberedBatch[] = [];
    const last = this.lastLiveSequence(this.lastSequence);
    for (const batch of this.outstanding) {
      if (batch.sequence > last || batch.state === 'dead') break;
      if (batch.needsSend && batch.state !== 'executed') batches.push(batch);
    }
    return batches;
  }

  /** True while a dead batch keeps later ones from being sent. */
  get isBlocked(): boolean {
    return this.outstanding.some(({ state }) => state === 'dead');
  }

  /** Evicted and nothing that callers wait for can still be answered. */
  get isOver(): boolean {
    return (
      this.isEvicted &&
      this.outstanding.every(({ state, pending }) => state !== 'live' || pending === 0)
    );
  }
}
