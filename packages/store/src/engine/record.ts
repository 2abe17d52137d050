import type { Linked } from '../sealable-list.js';

/** A run of memory that values lie in; see value-pages.ts. */
export interface ValuePage {
  readonly bytes: Uint8Array;
  used: number;
  /** Bytes of live records; ghosts do not count. */
  live: number;
  /** Every record that was placed here; it still lives here if its `page` says so. */
  residents: CacheRecord[];
  queued: boolean;
}

/** One key with its value and its places in index, recency list, expiry heap and pages. */
export class CacheRecord implements Linked<CacheRecord> {
  readonly key: string;
  /** Where the value lies; undefined once the record is removed. */
  page: ValuePage | undefined = undefined;
  valueOffset = 0;
  valueBytes = 0;
  revision = 0;
  version = 0;
  /** Full length of the lease; 0: the key does not expire. */
  ttlMs = 0;
  /** Cluster time of expiry; 0: never. Of no meaning until a lease restart has reached it. */
  expireAtMs = 0;
  /** Bytes of the key in UTF-8. */
  readonly keyBytes: number;
  /** Hash of key and value. */
  contentHigh = 0;
  contentLow = 0;
  heapOffset = -1;
  stamp = 0;
  ghostOf = 0;
  prev: CacheRecord | undefined = undefined;
  next: CacheRecord | undefined = undefined;

  constructor(key: string, keyBytes: number) {
    this.key = key;
    this.keyBytes = keyBytes;
  }

  /** What lives on when this one becomes a ghost; not linked anywhere. */
  clone(): CacheRecord {
    const clone = new CacheRecord(this.key, this.keyBytes);
    clone.page = this.page;
    clone.valueOffset = this.valueOffset;
    clone.valueBytes = this.valueBytes;
    clone.revision = this.revision;
    clone.version = this.version;
    clone.ttlMs = this.ttlMs;
    clone.expireAtMs = this.expireAtMs;
    clone.contentHigh = this.contentHigh;
    clone.contentLow = this.contentLow;
    return clone;
  }
}
