/**
 * Keys to records. One JavaScript Map rehashes in one go: 190 ms at two million keys, a pause in
 * which a leader misses its heartbeats. Many small Maps grow one at a time, each in well under a
 * millisecond (R34). Which Map holds a key is no part of the replicated state.
 */
import type { CacheRecord } from './record.js';

const BUCKETS = 512;
/** Of long keys only as many characters are looked at: enough to spread them. */
const HASHED_UNITS_MAX = 48;

export class KeyIndex {
  size = 0;
  private readonly seed: number;
  private readonly buckets: Map<string, CacheRecord>[] = [];

  constructor(seed: number) {
    this.seed = seed;
    for (let at = 0; at < BUCKETS; at++) this.buckets.push(new Map());
  }

  get(key: string): CacheRecord | undefined {
    return this.bucketOf(key).get(key);
  }

  /** The key must be absent. */
  insert(record: CacheRecord): void {
    this.bucketOf(record.key).set(record.key, record);
    this.size++;
  }

  /** The key must be present. */
  replace(record: CacheRecord): void {
    this.bucketOf(record.key).set(record.key, record);
  }

  remove(record: CacheRecord): void {
    if (this.bucketOf(record.key).delete(record.key)) this.size--;
  }

  private bucketOf(key: string): Map<string, CacheRecord> {
    let hash = this.seed;
    // From the end, where keys differ most.
    const end = Math.max(0, key.length - HASHED_UNITS_MAX);
    for (let at = key.length - 1; at >= end; at--) {
      hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
    }
    return this.buckets[(hash ^ (hash >>> 15)) & (BUCKETS - 1)]!;
  }
}
