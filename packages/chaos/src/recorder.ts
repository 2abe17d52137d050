/** What the clients did and saw: the history that is checked, and counts for people. */
import {
  History,
  type HistoryKind,
  type HistoryOutcome,
  type HistoryResult,
} from '@cashe/simulator';
import type { Availability } from './availability.js';

export interface Call {
  readonly client: string;
  readonly kind: HistoryKind;
  readonly key: string;
  readonly value?: string | undefined;
  readonly ttlMs?: number | undefined;
}

export interface Counts {
  readonly reads: Record<HistoryOutcome, number>;
  readonly writes: Record<HistoryOutcome, number>;
  /** Failed calls by code. */
  readonly codes: Map<string, number>;
}

/** Cluster time is whole ms, and stamped before the entry executes (R16). */
const ttlRoundingMs = 5;
const surprisesMax = 100;
const finalOpsMax = 50_000;

export class Recorder {
  readonly history: History;
  readonly counts: Counts = {
    reads: { ok: 0, notCommitted: 0, unknown: 0 },
    writes: { ok: 0, notCommitted: 0, unknown: 0 },
    codes: new Map(),
  };
  /** What no fault explains: codes that nobody should see, promises that settled late (R31). */
  readonly surprises: string[] = [];
  readonly keys: Set<string> = new Set();
  readonly #availability: Availability;
  readonly #isWrite: Map<number, boolean> = new Map();

  readonly #opsMax: number;

  constructor(availability: Availability, opsMax: number) {
    this.#availability = availability;
    this.#opsMax = opsMax;
    this.history = new History(opsMax);
  }

  /** False: the callers stop, so that the reads at the end still have their place. */
  get hasRoom(): boolean {
    return this.history.ops.length < this.#opsMax - finalOpsMax;
  }

  /** Returns what `settle` takes. */
  begin({ client, kind, key, value, ttlMs }: Call): number {
    this.keys.add(key);
    // When the value must be gone at the latest is known after the run: see ttl-bounds.ts.
    const ttl =
      ttlMs === undefined
        ? undefined
        : { minMs: Math.max(0, ttlMs - ttlRoundingMs), maxMs: Number.POSITIVE_INFINITY };
    const id = this.history.begin({ client, kind, key, value, ttl, ms: performance.now() });
    this.#isWrite.set(id, kind === 'set' || kind === 'delete');
    return id;
  }

  settle(id: number, outcome: HistoryOutcome, result?: HistoryResult): void {
    const ms = performance.now();
    this.history.end(id, { ms, outcome, result });
    const isWrite = this.#isWrite.get(id) === true;
    this.#isWrite.delete(id);
    this.counts[isWrite ? 'writes' : 'reads'][outcome] += 1;
    if (isWrite && outcome === 'ok') this.#availability.acknowledged(ms);
  }

  failed(code: string): void {
    this.counts.codes.set(code, (this.counts.codes.get(code) ?? 0) + 1);
  }

  surprise(what: string): void {
    if (this.surprises.length < surprisesMax) this.surprises.push(what);
  }
}
