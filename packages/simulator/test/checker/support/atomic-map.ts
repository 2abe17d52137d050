// Histories that are linearizable because they were executed: clients call an atomic map, whose
// ops take effect at one random moment between call and return.
import { History, type HistoryKind, type HistoryOp } from '../../../src/checker/history.js';

/** Numbers in [0, 1). */
export type Random = () => number;

interface Workload {
  readonly keys: number;
  readonly clients: number;
  readonly ops: number;
}

interface Entry {
  readonly value: string;
  readonly version: number;
  readonly revision: number;
  readonly expireAtMs: number;
}

interface Pending {
  readonly id: number;
  readonly kind: HistoryKind;
  readonly key: string;
  readonly value: string;
  readonly ttlMs: number | undefined;
  result: HistoryOp['result'] | 'refused';
}

const kinds: readonly HistoryKind[] = ['set', 'set', 'delete', 'get', 'get', 'get', 'has'];

/** A number generator with a seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function execute(workload: Workload, random: Random): readonly HistoryOp[] {
  return new Execution(workload, random).run();
}

class Execution {
  readonly #workload: Workload;
  readonly #random: Random;
  readonly #history: History = new History();
  readonly #map: Map<string, Entry> = new Map();
  readonly #open: Map<number, Pending> = new Map();
  /** Given up by their clients; each may still take effect. */
  readonly #abandoned: Pending[] = [];
  #revision = 0;
  #ms = 0;

  constructor(workload: Workload, random: Random) {
    this.#workload = workload;
    this.#random = random;
  }

  run(): readonly HistoryOp[] {
    while (this.#history.ops.length < this.#workload.ops || this.#open.size > 0) {
      this.#ms += this.#below(3);
      const client = this.#below(this.#workload.clients);
      const pending = this.#open.get(client);
      if (pending !== undefined) this.#proceed(client, pending);
      else if (this.#history.ops.length < this.#workload.ops) this.#call(client);
      const late = this.#below(8) === 0 ? this.#abandoned.pop() : undefined;
      if (late !== undefined) this.#takeEffect(late);
    }
    return this.#history.ops;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #call(client: number): void {
    const kind = kinds[this.#below(kinds.length)] ?? 'get';
    const key = `k${this.#below(this.#workload.keys)}`;
    const value = `v${this.#history.ops.length}`;
    const ttlMs = kind === 'set' && this.#below(4) === 0 ? 1 + this.#below(60) : undefined;
    const ttl = ttlMs === undefined ? undefined : { minMs: ttlMs, maxMs: ttlMs };
    const written = kind === 'set' ? value : undefined;
    const call = { client: `c${client}`, key, kind, ms: this.#ms, value: written, ttl };
    const id = this.#history.begin(call);
    this.#open.set(client, { id, kind, key, value, ttlMs, result: undefined });
  }

  /** The effect, the return, or the loss of an answer. */
  #proceed(client: number, pending: Pending): void {
    const ms = this.#ms;
    if (this.#below(20) === 0) {
      if (pending.result === undefined) this.#abandoned.push(pending);
      this.#history.end(pending.id, { ms, outcome: 'unknown' });
    } else if (pending.result === undefined) {
      if (this.#below(20) === 0) pending.result = 'refused';
      else this.#takeEffect(pending);
      return;
    } else if (pending.result === 'refused') {
      this.#history.end(pending.id, { ms, outcome: 'notCommitted' });
    } else {
      this.#history.end(pending.id, { ms, outcome: 'ok', result: pending.result });
    }
    this.#open.delete(client);
  }

  #takeEffect(pending: Pending): void {
    const { kind, key, value, ttlMs } = pending;
    const stored = this.#map.get(key);
    const entry = stored !== undefined && stored.expireAtMs > this.#ms ? stored : undefined;
    const found = entry !== undefined;
    if (kind === 'get') {
      const { version, revision } = entry ?? {};
      pending.result = { value: entry?.value, version, revision };
    } else if (kind === 'has') pending.result = { found };
    else if (kind === 'delete') {
      this.#map.delete(key);
      if (found) this.#revision += 1;
      pending.result = { found, revision: found ? this.#revision : undefined };
    } else {
      this.#revision += 1;
      const version = (entry?.version ?? 0) + 1;
      const expireAtMs = this.#ms + (ttlMs ?? Number.POSITIVE_INFINITY);
      this.#map.set(key, { value, version, revision: this.#revision, expireAtMs });
      pending.result = { version, revision: this.#revision };
    }
  }
}
