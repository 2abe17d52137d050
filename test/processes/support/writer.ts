/**
 * Callers that always have sets under way on keys they share, and remember what was acknowledged.
 * Every value is written once, so that a lost or repeated write shows: in the key's version, in
 * its revision, or in its value.
 */
import { type Cashe, CasheError, connect } from '@cashe/client';

interface Acknowledged {
  /** Sets of this key. */
  count: number;
  /** The newest of them. */
  revision: number;
  value: string;
}

export interface WriterOptions {
  readonly inFlight?: number;
  readonly keyCount?: number;
  readonly timeoutMs?: number;
  /** At least; values are padded to it. */
  readonly valueBytes?: number;
}

export class Writer {
  readonly cashe: Cashe;
  readonly errors: string[] = [];
  readonly #options: Required<WriterOptions>;
  readonly #keys: Map<string, Acknowledged> = new Map();
  #lanes: Promise<void>[] = [];
  #stopping = false;
  #numbered = 0;
  #total = 0;
  #lastMs = 0;
  #gapMs = 0;
  #reached: { readonly total: number; readonly resolve: () => void }[] = [];

  private constructor(cashe: Cashe, options: Required<WriterOptions>) {
    this.cashe = cashe;
    this.#options = options;
  }

  static async connect(
    endpoints: readonly string[],
    { inFlight = 64, keyCount = 40, timeoutMs = 30_000, valueBytes = 0 }: WriterOptions = {},
  ): Promise<Writer> {
    const cashe = await connect({ endpoints, timeoutMs });
    return new Writer(cashe, { inFlight, keyCount, timeoutMs, valueBytes });
  }

  /** Sets acknowledged so far. */
  get total(): number {
    return this.#total;
  }

  /** Starts the callers. */
  run(): void {
    this.#stopping = false;
    this.#gapMs = 0;
    this.#lastMs = performance.now();
    this.#lanes = Array.from({ length: this.#options.inFlight }, () => this.#lane());
  }

  async #lane(): Promise<void> {
    while (!this.#stopping) {
      const number = this.#numbered++;
      const key = `contended-${number % this.#options.keyCount}`;
      const value = `value-${number}`.padEnd(this.#options.valueBytes, '.');
      try {
        const { revision } = await this.cashe.set(key, value);
        this.#acknowledge(key, value, revision);
      } catch (error) {
        this.errors.push(
          error instanceof CasheError ? `${error.code} ${error.message}` : `${error}`,
        );
      }
    }
  }

  #acknowledge(key: string, value: string, revision: number): void {
    const nowMs = performance.now();
    this.#gapMs = Math.max(this.#gapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#total += 1;
    const known = this.#keys.get(key) ?? { count: 0, revision: 0, value };
    known.count += 1;
    if (revision > known.revision) {
      known.revision = revision;
      known.value = value;
    }
    this.#keys.set(key, known);
    if (this.#reached.length === 0) return;
    const due = this.#reached.filter(({ total }) => total <= this.#total);
    this.#reached = this.#reached.filter(({ total }) => total > this.#total);
    for (const { resolve } of due) resolve();
  }

  /** Resolves when this many more sets are acknowledged. */
  acknowledges(count: number): Promise<void> {
    const total = this.#total + count;
    return new Promise((resolve) => this.#reached.push({ total, resolve }));
  }

  /** Lets what is under way finish; returns the longest time without an acknowledgement. */
  async halt(): Promise<number> {
    this.#stopping = true;
    await Promise.all(this.#lanes);
    this.#lanes = [];
    return Math.round(this.#gapMs);
  }

  /** What differs between the acknowledged sets and what the cluster answers now. */
  async differences(cashe: Cashe = this.cashe): Promise<readonly string[]> {
    const found = await Promise.all(
      [...this.#keys].map(async ([key, { count, revision, value }]) => {
        const entry = await cashe.getEntry(key);
        const has = `version ${entry?.version} revision ${entry?.revision} ${entry?.value}`;
        const expected = `version ${count} revision ${revision} ${value}`;
        return has === expected ? '' : `${key}: ${has}, acknowledged ${expected}`;
      }),
    );
    return found.filter((difference) => difference !== '');
  }

  async close(): Promise<void> {
    await this.halt();
    await this.cashe.close();
  }
}
