/**
 * Where one group's entries are: one item per entries record, in index order, without gaps. Item i
 * holds the entries from its first index up to the one before item i + 1's first index; what a
 * later record replaced is thereby out of sight. Struct of arrays: 24 bytes per item.
 *
 * Bounded by the log's bytes on disk: an item belongs to a block of at least one page.
 */
import type { LogIndex } from '@cashe/raft';
import { assert } from './errors.js';

const ITEMS_MIN = 64;

export interface EntryLocation {
  readonly segment: number;
  readonly offset: number;
}

export class EntryIndex {
  #firstIndexes = new Float64Array(ITEMS_MIN);
  #bytesBefore = new Float64Array(ITEMS_MIN);
  #segments = new Uint32Array(ITEMS_MIN);
  #offsets = new Uint32Array(ITEMS_MIN);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Index of the first entry of item `item` (0 is the oldest). */
  firstIndex(item: number): LogIndex {
    return this.#firstIndexes[this.#at(item)] ?? 0;
  }

  /** The group's record bytes logged before item `item`. */
  bytesBefore(item: number): number {
    return this.#bytesBefore[this.#at(item)] ?? 0;
  }

  segment(item: number): number {
    return this.#segments[this.#at(item)] ?? 0;
  }

  offset(item: number): number {
    return this.#offsets[this.#at(item)] ?? 0;
  }

  /** Entries from `firstIndex` on are at `location`; whatever was known of them is replaced. */
  push(firstIndex: LogIndex, location: EntryLocation, bytesBefore: number): void {
    while (this.length > 0 && this.firstIndex(this.length - 1) >= firstIndex) this.#end -= 1;
    if (this.#end === this.#firstIndexes.length) this.#makeRoom();
    this.#firstIndexes[this.#end] = firstIndex;
    this.#bytesBefore[this.#end] = bytesBefore;
    this.#segments[this.#end] = location.segment;
    this.#offsets[this.#end] = location.offset;
    this.#end += 1;
  }

  /** The item that would hold `index`; -1 when it is below the first one. */
  find(index: LogIndex): number {
    return this.#lastWhere((item) => this.firstIndex(item) <= index);
  }

  /** The newest item in `segment` or an older one; -1 when there is none. */
  lastItemThrough(segment: number): number {
    return this.#lastWhere((item) => this.segment(item) <= segment);
  }

  /** Forgets everything in `segment` and older ones. */
  dropThrough(segment: number): void {
    this.#start += this.lastItemThrough(segment) + 1;
  }

  clear(): void {
    this.#start = 0;
    this.#end = 0;
  }

  /** The last item for which `holds`, which is true for a prefix of the items only. */
  #lastWhere(holds: (item: number) => boolean): number {
    let low = -1;
    let high = this.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (holds(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #at(item: number): number {
    assert(item >= 0 && item < this.length, 'the item exists');
    return this.#start + item;
  }

  /** Doubles the arrays, or only moves the items down when half the room is unused. */
  #makeRoom(): void {
    const size = this.#firstIndexes.length;
    const to = this.length * 2 > size ? size * 2 : size;
    const from = [this.#start, this.#end] as const;
    const firstIndexes = new Float64Array(to);
    const bytesBefore = new Float64Array(to);
    const segments = new Uint32Array(to);
    const offsets = new Uint32Array(to);
    firstIndexes.set(this.#firstIndexes.subarray(...from));
    bytesBefore.set(this.#bytesBefore.subarray(...from));
    segments.set(this.#segments.subarray(...from));
    offsets.set(this.#offsets.subarray(...from));
    this.#firstIndexes = firstIndexes;
    this.#bytesBefore = bytesBefore;
    this.#segments = segments;
    this.#offsets = offsets;
    this.#end = this.length;
    this.#start = 0;
  }
}
