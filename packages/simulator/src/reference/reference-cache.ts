/**
 * What the cache must be, written down a second time and plainly (R17-R19): a map in order of last
 * use. The replicas' engine is held against it after every entry.
 */
import { Code, type Op } from '@cashe/codec';
import { EVICTIONS_PER_ENTRY_MAX, recordBytes, type Settings } from '@cashe/store';

export interface ReferenceRecord {
  readonly value: string;
  /** As `bytesMax` counts them. */
  readonly bytes: number;
  readonly revision: number;
  readonly version: number;
  /** 0: none. */
  readonly ttlMs: number;
  /** Cluster time; 0: never. */
  readonly expireAtMs: number;
}

type EffectKind = 'set' | 'delete' | 'expire' | 'evict' | 'restart';

/** One change of one key; without a record the key is absent from here on. */
export interface Effect {
  readonly kind: EffectKind;
  readonly key: string;
  readonly revision: number;
  readonly record: ReferenceRecord | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class ReferenceCache {
  nowMs = 0;
  revision = 0;
  bytes = 0;
  evictions = 0;
  expiries = 0;
  settings: Settings;
  /** What sets evict down to: a lowered limit is reached in portions, one per entry. */
  #entriesLimit = Number.POSITIVE_INFINITY;
  #bytesLimit = Number.POSITIVE_INFINITY;
  /** The least recently used key first. */
  readonly #records: Map<string, ReferenceRecord> = new Map();
  readonly #onEffect: (effect: Effect) => void;

  constructor(settings: Settings, onEffect: (effect: Effect) => void) {
    this.settings = settings;
    this.#onEffect = onEffect;
  }

  get entries(): number {
    return this.#records.size;
  }

  /** After the clock fallback every lease starts again at its full length (R16). */
  restartLeases(): void {
    for (const [key, record] of this.#records) {
      if (record.ttlMs === 0) continue;
      const restarted = { ...record, expireAtMs: this.nowMs + record.ttlMs };
      this.#records.set(key, restarted);
      this.#onEffect({ kind: 'restart', key, revision: this.revision, record: restarted });
    }
  }

  /** All that is due goes under one revision. */
  expire(): void {
    const due = this.#due();
    if (due.length === 0) return;
    this.revision += 1;
    for (const key of due) this.#remove('expire', key);
    this.expiries += due.length;
  }

  /** Before the ops of every entry: what lowered limits leave no room for goes, so many at once. */
  shrink(): void {
    const { bytesMax, entriesMax, eviction } = this.settings;
    const most = entriesMax === 0 ? Number.POSITIVE_INFINITY : entriesMax;
    const isAbove = (): boolean => this.bytes > bytesMax || this.entries > most;
    if (eviction === 'lru' && isAbove()) {
      this.revision += 1;
      for (let gone = 0; gone < EVICTIONS_PER_ENTRY_MAX && isAbove(); gone += 1) this.#evictOne();
    }
    this.#entriesLimit = Math.max(most, this.entries);
    this.#bytesLimit = Math.max(bytesMax, this.bytes);
  }

  use(key: string): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    this.#records.delete(key);
    this.#records.set(key, record);
  }

  set(op: Op): Code {
    const { key, value, ttlMs, keepTtl } = op;
    const old = this.#records.get(key);
    const bytes = recordBytes(encoder.encode(key).length, value.length);
    if (!this.#admits(old, bytes)) return Code.RESOURCE_EXHAUSTED;
    this.revision += 1;
    if (old !== undefined) this.bytes -= old.bytes;
    this.#records.delete(key);
    const kept = keepTtl ? old : undefined;
    const record: ReferenceRecord = {
      value: decoder.decode(value),
      bytes,
      revision: this.revision,
      version: (old?.version ?? 0) + 1,
      ttlMs: ttlMs > 0 ? ttlMs : (kept?.ttlMs ?? 0),
      expireAtMs: ttlMs > 0 ? this.nowMs + ttlMs : (kept?.expireAtMs ?? 0),
    };
    this.#records.set(key, record);
    this.bytes += bytes;
    this.#onEffect({ kind: 'set', key, revision: this.revision, record });
    this.#evict();
    return Code.OK;
  }

  delete(key: string): Code {
    if (!this.#records.has(key)) return Code.NOT_FOUND;
    this.revision += 1;
    this.#remove('delete', key);
    return Code.OK;
  }

  #due(): string[] {
    const due: string[] = [];
    for (const [key, { expireAtMs }] of this.#records) {
      if (expireAtMs !== 0 && expireAtMs <= this.nowMs) due.push(key);
    }
    return due;
  }

  #admits(old: ReferenceRecord | undefined, bytes: number): boolean {
    const { bytesMax, entriesMax, eviction } = this.settings;
    if (bytes > bytesMax) return false;
    if (eviction === 'lru') return true;
    const oldBytes = old?.bytes ?? 0;
    if (bytes <= oldBytes) return true;
    if (this.bytes - oldBytes + bytes > bytesMax) return false;
    return old !== undefined || entriesMax === 0 || this.entries < entriesMax;
  }

  #evict(): void {
    if (this.settings.eviction !== 'lru') return;
    while (this.bytes > this.#bytesLimit || this.entries > this.#entriesLimit) this.#evictOne();
  }

  /** What is due has gone at the start of the entry: only the coldest are left to go. */
  #evictOne(): void {
    const [coldest] = this.#records.keys();
    if (coldest === undefined) return;
    this.evictions += 1;
    this.#remove('evict', coldest);
  }

  #remove(kind: EffectKind, key: string): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    this.bytes -= record.bytes;
    this.#records.delete(key);
    this.#onEffect({ kind, key, revision: this.revision, record: undefined });
  }
}
