import { Code } from '@cashe/codec';
import { recordBytes, type Settings } from '../../src/index.js';

interface ModelRecord {
  value: string;
  revision: number;
  version: number;
  ttlMs: number;
  expireAtMs: number;
}

export type ModelOp =
  | { readonly kind: 'set'; key: string; value: string; ttlMs: number; keepTtl: boolean }
  | { readonly kind: 'delete'; key: string };

/** The obvious implementation: one Map in order of last use, everything else looked up in it. */
export class Model {
  readonly records = new Map<string, ModelRecord>();
  nowMs = 0;
  revision = 0;
  private readonly settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  entry(clusterTimeMs: number, restartLeases: boolean, hints: readonly string[]): void {
    this.nowMs = Math.max(this.nowMs, clusterTimeMs);
    if (restartLeases) {
      for (const record of this.records.values()) {
        if (record.ttlMs > 0) record.expireAtMs = this.nowMs + record.ttlMs;
      }
    }
    const due = this.dueKeys();
    for (const key of due) this.records.delete(key);
    if (due.length > 0) this.revision++;
    for (const key of hints) this.touch(key);
  }

  apply(op: ModelOp): Code {
    if (op.kind === 'set') return this.set(op);
    if (this.find(op.key) === undefined) return Code.NOT_FOUND;
    this.revision++;
    this.records.delete(op.key);
    return Code.OK;
  }

  find(key: string): ModelRecord | undefined {
    const record = this.records.get(key);
    if (record === undefined || (record.ttlMs > 0 && record.expireAtMs <= this.nowMs)) {
      return undefined;
    }
    return record;
  }

  bytes(): number {
    let bytes = 0;
    for (const [key, { value }] of this.records) bytes += recordBytes(key.length, value.length);
    return bytes;
  }

  private set(op: Extract<ModelOp, { kind: 'set' }>): Code {
    const { bytesMax, entriesMax, eviction } = this.settings;
    const bytes = recordBytes(op.key.length, op.value.length);
    if (bytes > bytesMax) return Code.RESOURCE_EXHAUSTED;
    const physical = this.records.get(op.key);
    const before = physical && recordBytes(op.key.length, physical.value.length);
    if (eviction === 'noeviction' && bytes > (before ?? 0)) {
      if (this.bytes() - (before ?? 0) + bytes > bytesMax) return Code.RESOURCE_EXHAUSTED;
      const isFull = entriesMax > 0 && this.records.size >= entriesMax;
      if (before === undefined && isFull) return Code.RESOURCE_EXHAUSTED;
    }
    this.revision++;
    const old = this.find(op.key);
    this.records.delete(op.key);
    const kept = op.keepTtl ? old : undefined;
    this.records.set(op.key, {
      value: op.value,
      revision: this.revision,
      version: (old?.version ?? 0) + 1,
      ttlMs: op.ttlMs > 0 ? op.ttlMs : (kept?.ttlMs ?? 0),
      expireAtMs: op.ttlMs > 0 ? this.nowMs + op.ttlMs : (kept?.expireAtMs ?? 0),
    });
    if (eviction === 'lru') this.evict();
    return Code.OK;
  }

  private evict(): void {
    const { bytesMax, entriesMax } = this.settings;
    while (this.bytes() > bytesMax || (entriesMax > 0 && this.records.size > entriesMax)) {
      const victim = this.dueKeys()[0] ?? this.records.keys().next().value!;
      this.records.delete(victim);
    }
  }

  private touch(key: string): void {
    const record = this.find(key);
    if (record === undefined) return;
    this.records.delete(key);
    this.records.set(key, record);
  }

  private dueKeys(): string[] {
    const due = [...this.records].filter(([key]) => this.find(key) === undefined);
    due.sort(([, a], [, b]) => a.expireAtMs - b.expireAtMs || a.revision - b.revision);
    return due.map(([key]) => key);
  }
}
