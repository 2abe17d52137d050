/** How long no write was acknowledged, by what was going on. */
export class Availability {
  readonly #longestMs: Map<string, number> = new Map();
  /** What went on since the last acknowledgement. */
  #since: Set<string>;
  #current: string;
  #lastMs: number;

  constructor(current: string, nowMs: number) {
    this.#current = current;
    this.#since = new Set([current]);
    this.#lastMs = nowMs;
  }

  /** By name, ms. */
  get longestMs(): ReadonlyMap<string, number> {
    return this.#longestMs;
  }

  /** Until the next call of this, gaps belong to that name. */
  enter(name: string): void {
    this.#current = name;
    this.#since.add(name);
  }

  acknowledged(nowMs: number): void {
    const gapMs = nowMs - this.#lastMs;
    for (const name of this.#since) {
      if (gapMs > (this.#longestMs.get(name) ?? 0)) this.#longestMs.set(name, gapMs);
    }
    this.#lastMs = nowMs;
    if (this.#since.size > 1) this.#since = new Set([this.#current]);
  }
}
