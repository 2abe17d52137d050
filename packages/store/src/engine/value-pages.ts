/**
 * Values outside the V8 object heap (R21): copied once, out of the entry's buffer, into append-only
 * pages. A page is never written twice at the same place, so a view of a value stays true for as
 * long as somebody holds it; a page without residents is left to the collector. A page that falls
 * below half is queued, and `clean` moves what still lives there to the current page in bounded
 * steps. Where a value lies is no part of the replicated state.
 */
import { StateMachineError } from '../error.js';
import type { CacheRecord, ValuePage } from './record.js';

const PAGE_BYTES = 64 * 1024;
/** Bounds one page's cleaning when values are tiny. */
const PAGE_RECORDS_MAX = 2048;
/** Larger values have a page of their own. */
const SHARED_VALUE_BYTES_MAX = 8 * 1024;

export class ValuePages {
  private current: ValuePage = createPage(PAGE_BYTES);
  private readonly sparse: ValuePage[] = [];

  /** Copies the value in; the record's former place must have been released. */
  place(record: CacheRecord, value: Uint8Array): void {
    const { length } = value;
    const page = length > SHARED_VALUE_BYTES_MAX ? createPage(length) : this.roomFor(length);
    page.bytes.set(value, page.used);
    record.page = page;
    record.valueOffset = page.used;
    record.valueBytes = length;
    page.used += length;
    page.live += length;
    page.residents.push(record);
  }

  /** The record's value is given up; a ghost keeps its bytes but no longer counts. */
  release(record: CacheRecord): void {
    const { page } = record;
    if (page === undefined) return;
    page.live -= record.valueBytes;
    if (record.ghostOf === 0) record.page = undefined;
    if (page !== this.current) this.queueIfSparse(page);
  }

  /** A clone of a ghost took over the ghost's place. */
  adopt(clone: CacheRecord): void {
    clone.page?.residents.push(clone);
  }

  /** Empties sparse pages until about `valuesMax` residents were looked at. */
  clean(valuesMax: number): void {
    for (let seen = 0; seen < valuesMax; ) {
      const page = this.sparse.pop();
      if (page === undefined) return;
      const { residents } = page;
      page.residents = [];
      seen += residents.length;
      for (const record of residents) {
        if (record.page === page && record.ghostOf === 0) this.place(record, storedValue(record));
      }
    }
  }

  private roomFor(length: number): ValuePage {
    const { current } = this;
    const isFull = current.residents.length >= PAGE_RECORDS_MAX;
    if (!isFull && current.used + length <= PAGE_BYTES) return current;
    this.current = createPage(PAGE_BYTES);
    this.queueIfSparse(current);
    return this.current;
  }

  private queueIfSparse(page: ValuePage): void {
    if (page.queued || page.live * 2 > page.used) return;
    page.queued = true;
    this.sparse.push(page);
  }
}

/** A view of the value of a record that was not removed. */
export function storedValue(record: CacheRecord): Uint8Array {
  const { page, valueOffset } = record;
  if (page === undefined)
    throw new StateMachineError('the value of a removed record was asked for');
  return page.bytes.subarray(valueOffset, valueOffset + record.valueBytes);
}

function createPage(size: number): ValuePage {
  return { bytes: new Uint8Array(size), used: 0, live: 0, residents: [], queued: false };
}
