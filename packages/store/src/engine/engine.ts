/**
 * Records of one group: index, recency, expiry, capacity, running digest and seal (R17-R19). It
 * knows nothing of entries and sessions. Everything it decides follows from what it was told;
 * where values lie, heap layout, ghosts and index buckets are no part of the replicated state.
 *
 * Lease restart (R16). After the clock fallback every lease starts again at its full length, at
 * once, however many there are. Three numbers do it: every record with a lease and a stamp in
 * (restartWalked, restartBoundary] expires at restartAtMs + ttlMs, whatever its own expireAtMs
 * says. Every touch of such a record writes that value into it (and gives it a stamp above the
 * boundary); a walk from the cold end does the same for the others, LEASES_PER_ENTRY_MAX records
 * per entry, and moves restartWalked up. The three numbers are replicated state, so a replica
 * restored half way goes on exactly there. The heap holds only records whose own value counts:
 * the restart starts it empty.
 */
import { Code, keyBytesOf, type Op } from '@cashe/codec';
import { DigestSum } from '../digest-sum.js';
import { StateMachineError } from '../error.js';
import { Hash64 } from '../hash.js';
import {
  GHOSTS_PER_ENTRY_MAX,
  LEASES_PER_ENTRY_MAX,
  VALUES_MOVED_PER_ENTRY_MAX,
} from '../limits.js';
import { recordBytes } from '../record-bytes.js';
import { SealableList } from '../sealable-list.js';
import type { Settings } from '../types.js';
import { ExpiryHeap } from './expiry-heap.js';
import { KeyIndex } from './key-index.js';
import { CacheRecord } from './record.js';
import { ValuePages } from './value-pages.js';

export class Engine {
  /** Cluster time of the entry being applied, or of the last one. */
  nowMs = 0;
  revision = 0;
  evictions = 0;
  expiries = 0;
  bytes = 0;
  restartAtMs = 0;
  restartWalked = 0;
  /** 0 while no restart is under way. */
  restartBoundary = 0;
  readonly sum: DigestSum = new DigestSum();
  index: KeyIndex;
  list: SealableList<CacheRecord>;
  heap: ExpiryHeap = new ExpiryHeap();
  pages: ValuePages = new ValuePages();
  /** The list that was sealed; another one than `list` after `clear`. */
  private sealedList: SealableList<CacheRecord> | undefined = undefined;
  settings: Settings;
  /** What ops evict down to: the limits, or what there is while that is still above them. */
  private entriesLimit: number;
  private bytesLimit: number;
  private readonly seed: number;
  private readonly hash: Hash64 = new Hash64();

  constructor(settings: Settings, seed: number) {
    this.settings = settings;
    this.entriesLimit = entriesMaxOf(settings);
    this.bytesLimit = settings.bytesMax;
    this.seed = seed;
    this.index = new KeyIndex(seed);
    this.list = new SealableList(0);
  }

  get entries(): number {
    return this.index.size;
  }

  get hasLeases(): boolean {
    return this.heap.size > 0 || this.restartBoundary > 0;
  }

  /** Cluster time at which a record expires; 0: never. */
  expiryOf(record: CacheRecord): number {
    if (record.expireAtMs === 0) return 0;
    if (!this.awaitsRestart(record)) return record.expireAtMs;
    return Math.min(this.restartAtMs + record.ttlMs, Number.MAX_SAFE_INTEGER);
  }

  isExpired(record: CacheRecord, atMs: number): boolean {
    return record.expireAtMs !== 0 && this.expiryOf(record) <= atMs;
  }

  /** The record of a key that is present at `atMs`. */
  find(key: string, atMs: number): CacheRecord | undefined {
    const record = this.index.get(key);
    return record === undefined || this.isExpired(record, atMs) ? undefined : record;
  }

  /** Whether a limit was lowered and entries are still to evict down to it. */
  get isShrinking(): boolean {
    const { bytesMax, eviction } = this.settings;
    if (eviction !== 'lru') return false;
    return this.bytes > bytesMax || this.entries > entriesMaxOf(this.settings);
  }

  /** While a restart or shrinking is under way this is now: every entry brings it further. */
  nextExpiryMs(): number {
    if (this.restartBoundary > 0 || this.isShrinking) return this.nowMs;
    return this.heap.first()?.expireAtMs ?? Number.POSITIVE_INFINITY;
  }

  set(op: Op): Code {
    const { key, value } = op;
    const old = this.index.get(key);
    const keyBytes = old === undefined ? keyBytesOf(key) : old.keyBytes;
    if (!this.admits(old, recordBytes(keyBytes, value.length))) return Code.RESOURCE_EXHAUSTED;
    this.revision++;
    if (old === undefined) {
      this.write(new CacheRecord(key, keyBytes), op, 0, 0);
    } else if (this.isExpired(old, this.nowMs)) {
      this.expire(old);
      this.write(new CacheRecord(key, keyBytes), op, 0, 0);
    } else {
      this.overwrite(old, op);
    }
    this.evict();
    return Code.OK;
  }

  delete(key: string): Code {
    const record = this.find(key, this.nowMs);
    if (record === undefined) return Code.NOT_FOUND;
    this.revision++;
    this.remove(record);
    return Code.OK;
  }

  /** A hint of the leader: the key was read (R18). Absent keys are ignored. */
  use(key: string): void {
    const record = this.find(key, this.nowMs);
    if (record === undefined) return;
    this.subtractDigest(record);
    const kept = this.detach(record);
    if (kept !== record) this.pages.adopt(kept);
    this.materialiseLease(kept, record.stamp);
    this.list.append(kept);
    this.addDigest(kept);
  }

  /** Removes at most `recordsMax` due records in order, all under one new revision (R17, R19). */
  expirePortion(recordsMax: number): void {
    let removed = 0;
    for (; removed < recordsMax; removed++) {
      const record = this.heap.first();
      if (record === undefined || record.expireAtMs > this.nowMs) break;
      this.expire(record);
    }
    if (removed > 0) this.revision++;
  }

  /**
   * Once per entry, before its ops: a lowered limit is reached in portions, each under a revision
   * of its own, and ops evict no more than what they add themselves (R18, R34).
   */
  shrinkPortion(recordsMax: number): void {
    let removed = 0;
    for (; removed < recordsMax && this.isShrinking; removed++) {
      if (removed === 0) this.revision++;
      this.evictOne();
    }
    this.entriesLimit = Math.max(entriesMaxOf(this.settings), this.entries);
    this.bytesLimit = Math.max(this.settings.bytesMax, this.bytes);
  }

  restartLeases(): void {
    if (!this.hasLeases) return;
    this.heap = new ExpiryHeap();
    this.restartAtMs = this.nowMs;
    this.restartWalked = 0;
    this.restartBoundary = this.list.moves;
    this.list.startWalk();
  }

  /** The bounded work that every entry does beside its ops (R34). */
  maintain(): void {
    if (this.restartBoundary > 0) this.walkLeases();
    this.list.sweep(GHOSTS_PER_ENTRY_MAX);
    this.pages.clean(VALUES_MOVED_PER_ENTRY_MAX);
  }

  /** Drops every record under one revision; a seal goes on showing what it sealed. */
  clear(): void {
    this.revision++;
    this.index = new KeyIndex(this.seed);
    this.list = new SealableList(this.list.moves);
    this.heap = new ExpiryHeap();
    this.pages = new ValuePages();
    this.bytes = 0;
    this.sum.high = 0;
    this.sum.low = 0;
    this.endRestart();
  }

  seal(): void {
    this.list.seal();
    this.sealedList = this.list;
  }

  nextSealed(): CacheRecord | undefined {
    return this.sealedList?.nextSealed();
  }

  unseal(): void {
    this.sealedList?.unseal();
    this.sealedList = undefined;
  }

  /** Adds a record of a snapshot; false when its key or its stamp cannot be. */
  restore(record: CacheRecord, value: Uint8Array): boolean {
    if (this.index.get(record.key) !== undefined) return false;
    if (!this.list.appendRestored(record)) return false;
    this.index.insert(record);
    this.pages.place(record, value);
    this.hashContent(record, value);
    this.bytes += recordBytes(record.keyBytes, record.valueBytes);
    if (record.expireAtMs !== 0 && !this.awaitsRestart(record)) this.heap.put(record);
    if (this.awaitsRestart(record)) this.list.continueWalk(record);
    this.addDigest(record);
    return true;
  }

  /** The 64-bit digest of one record, for the running sum (R12). Valid until the next call. */
  digestOf(record: CacheRecord): Hash64 {
    const { hash } = this;
    hash.startFrom(record.contentHigh, record.contentLow);
    hash.integer(record.revision);
    hash.integer(record.version);
    hash.integer(record.stamp);
    if (record.expireAtMs !== 0) {
      hash.integer(record.ttlMs);
      hash.integer(record.expireAtMs);
    }
    hash.finish();
    return hash;
  }

  /**
   * R18: what could never fit, or would not fit without eviction, has no effect. Under noeviction a
   * due record counts until its portion removes it.
   */
  private admits(old: CacheRecord | undefined, bytes: number): boolean {
    const { bytesMax, entriesMax, eviction } = this.settings;
    if (bytes > bytesMax) return false;
    if (eviction === 'lru') return true;
    const oldBytes = old === undefined ? 0 : recordBytes(old.keyBytes, old.valueBytes);
    if (bytes <= oldBytes) return true;
    if (this.bytes - oldBytes + bytes > bytesMax) return false;
    return old !== undefined || entriesMax === 0 || this.entries < entriesMax;
  }

  private overwrite(old: CacheRecord, op: Op): void {
    const keptTtlMs = op.keepTtl ? old.ttlMs : 0;
    const keptExpireAtMs = op.keepTtl ? this.expiryOf(old) : 0;
    this.subtractDigest(old);
    this.bytes -= recordBytes(old.keyBytes, old.valueBytes);
    const record = this.detach(old);
    this.pages.release(record);
    this.write(record, op, keptTtlMs, keptExpireAtMs);
  }

  /** Fills an unlinked record, new or taken out by `detach`, and links it at the hot end. */
  private write(record: CacheRecord, op: Op, keptTtlMs: number, keptExpireAtMs: number): void {
    const { ttlMs, value } = op;
    const isNew = record.version === 0;
    record.revision = this.revision;
    record.version++;
    record.ttlMs = ttlMs > 0 ? ttlMs : keptTtlMs;
    record.expireAtMs =
      ttlMs > 0 ? Math.min(this.nowMs + ttlMs, Number.MAX_SAFE_INTEGER) : keptExpireAtMs;
    this.pages.place(record, value);
    this.hashContent(record, value);
    if (isNew) this.index.insert(record);
    this.list.append(record);
    if (record.expireAtMs !== 0) this.heap.put(record);
    else this.heap.remove(record);
    this.bytes += recordBytes(record.keyBytes, record.valueBytes);
    this.addDigest(record);
  }

  /**
   * Evicts until the limits hold: expired records first, then from the cold end. The record just
   * written is the hottest and fits alone (`admits`), so it never goes. One op evicts at most what
   * it adds in bytes; that an entry is bounded bounds this too.
   */
  private evict(): void {
    if (this.settings.eviction !== 'lru') return;
    while (this.bytes > this.bytesLimit || this.entries > this.entriesLimit) this.evictOne();
  }

  private evictOne(): void {
    const due = this.heap.first();
    if (due !== undefined && due.expireAtMs <= this.nowMs) {
      this.expire(due);
      return;
    }
    const victim = this.list.coldest();
    if (victim === undefined) throw new StateMachineError('an empty cache is above its limits');
    this.evictions++;
    this.remove(victim);
  }

  private expire(record: CacheRecord): void {
    this.expiries++;
    this.remove(record);
  }

  private remove(record: CacheRecord): void {
    this.subtractDigest(record);
    this.index.remove(record);
    this.heap.remove(record);
    this.bytes -= recordBytes(record.keyBytes, record.valueBytes);
    if (this.list.isPreImage(record)) this.list.leaveGhost(record);
    else this.list.unlink(record);
    this.pages.release(record);
  }

  /** Takes a record out of the list to change it; of a pre-image a clone, and the ghost stays. */
  private detach(record: CacheRecord): CacheRecord {
    if (!this.list.isPreImage(record)) {
      this.list.unlink(record);
      return record;
    }
    return this.replaceByClone(record);
  }

  private replaceByClone(record: CacheRecord): CacheRecord {
    const clone = record.clone();
    this.list.leaveGhost(record);
    this.index.replace(clone);
    this.heap.replace(record, clone);
    return clone;
  }

  private awaitsRestart(record: CacheRecord): boolean {
    return record.stamp > this.restartWalked && record.stamp <= this.restartBoundary;
  }

  private walkLeases(): void {
    for (let visits = 0; visits < LEASES_PER_ENTRY_MAX; visits++) {
      const record = this.list.nextWalk(this.restartBoundary);
      if (record === undefined) {
        this.endRestart();
        return;
      }
      if (record.expireAtMs !== 0) this.restartLease(record);
      this.restartWalked = record.stamp;
    }
  }

  /** Writes the restarted lease into the record, in its place. */
  private restartLease(record: CacheRecord): void {
    this.subtractDigest(record);
    let kept = record;
    if (this.list.isPreImage(record)) {
      kept = this.replaceByClone(record);
      this.pages.adopt(kept);
      this.list.insertBehind(record, kept);
    }
    this.materialiseLease(kept, record.stamp);
    this.addDigest(kept);
  }

  /** `stamp` is the one the record had before it was detached. */
  private materialiseLease(record: CacheRecord, stamp: number): void {
    if (record.expireAtMs === 0) return;
    if (stamp <= this.restartWalked || stamp > this.restartBoundary) return;
    record.expireAtMs = Math.min(this.restartAtMs + record.ttlMs, Number.MAX_SAFE_INTEGER);
    this.heap.put(record);
  }

  private endRestart(): void {
    this.restartAtMs = 0;
    this.restartWalked = 0;
    this.restartBoundary = 0;
  }

  private hashContent(record: CacheRecord, value: Uint8Array): void {
    const { hash } = this;
    hash.start(this.seed);
    hash.text(record.key);
    hash.bytes(value);
    record.contentHigh = hash.high;
    record.contentLow = hash.low;
  }

  private addDigest(record: CacheRecord): void {
    this.sum.add(this.digestOf(record));
  }

  private subtractDigest(record: CacheRecord): void {
    this.sum.subtract(this.digestOf(record));
  }
}

function entriesMaxOf({ entriesMax }: Settings): number {
  return entriesMax === 0 ? Number.POSITIVE_INFINITY : entriesMax;
}
