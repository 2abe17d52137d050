/**
 * Records with a lease in (expireAtMs, revision) order (R17). Every record knows its offset, so a
 * changed or removed lease costs O(log n) and leaves no garbage. Four children a node: half the
 * levels of a binary heap. A record belongs to the heap that has it at its offset, so a whole heap
 * can be dropped without touching the records.
 */
import type { CacheRecord } from './record.js';

const CHILDREN = 4;

export class ExpiryHeap {
  private readonly records: CacheRecord[] = [];

  get size(): number {
    return this.records.length;
  }

  first(): CacheRecord | undefined {
    return this.records[0];
  }

  has(record: CacheRecord): boolean {
    const offset = record.heapOffset;
    return offset >= 0 && offset < this.records.length && this.records[offset] === record;
  }

  /** Adds the record, or moves it after its lease or revision changed. */
  put(record: CacheRecord): void {
    if (!this.has(record)) {
      record.heapOffset = this.records.length;
      this.records.push(record);
    }
    this.siftDown(record, this.siftUp(record, record.heapOffset));
  }

  remove(record: CacheRecord): void {
    if (!this.has(record)) return;
    const offset = record.heapOffset;
    record.heapOffset = -1;
    const last = this.records.pop();
    if (last === undefined || last === record) return;
    this.records[offset] = last;
    this.siftDown(last, this.siftUp(last, offset));
  }

  /** A clone takes the place of its ghost. */
  replace(ghost: CacheRecord, clone: CacheRecord): void {
    if (!this.has(ghost)) return;
    clone.heapOffset = ghost.heapOffset;
    ghost.heapOffset = -1;
    this.records[clone.heapOffset] = clone;
  }

  /** Whether every record is where it belongs; for checks only. */
  isOrdered(): boolean {
    return this.records.every((record, offset) => {
      const parent = this.records[(offset - 1) >> 2];
      const isBelow = parent === undefined || offset === 0 || isBefore(parent, record);
      return isBelow && record.heapOffset === offset;
    });
  }

  private siftUp(record: CacheRecord, from: number): number {
    let offset = from;
    while (offset > 0) {
      const parentOffset = (offset - 1) >> 2;
      const parent = this.records[parentOffset]!;
      if (!isBefore(record, parent)) break;
      this.move(parent, offset);
      offset = parentOffset;
    }
    this.move(record, offset);
    return offset;
  }

  private siftDown(record: CacheRecord, from: number): void {
    let offset = from;
    for (;;) {
      const least = this.leastChild(offset);
      if (least === undefined || !isBefore(least, record)) break;
      const leastOffset = least.heapOffset;
      this.move(least, offset);
      offset = leastOffset;
    }
    this.move(record, offset);
  }

  private leastChild(offset: number): CacheRecord | undefined {
    const start = offset * CHILDREN + 1;
    let least = this.records[start];
    if (least === undefined) return undefined;
    const end = Math.min(start + CHILDREN, this.records.length);
    for (let at = start + 1; at < end; at++) {
      const child = this.records[at]!;
      if (isBefore(child, least)) least = child;
    }
    return least;
  }

  private move(record: CacheRecord, offset: number): void {
    this.records[offset] = record;
    record.heapOffset = offset;
  }
}

function isBefore(a: CacheRecord, b: CacheRecord): boolean {
  if (a.expireAtMs !== b.expireAtMs) return a.expireAtMs < b.expireAtMs;
  return a.revision < b.revision;
}
