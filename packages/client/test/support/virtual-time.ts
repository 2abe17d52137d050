import type { Clock, Random, Scheduler, TimerHandle } from '../../src/core/index.js';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Clock and scheduler that move only when a test says so. */
export class VirtualTime implements Clock, Scheduler {
  #nowMs = 1_000;
  #order = 0;
  #timers = new Set<Timer>();
  #deferred: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  schedule(delayMs: number, run: () => void): TimerHandle {
    this.#order += 1;
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#timers.add(timer);
    return timer;
  }

  cancel(timer: TimerHandle): void {
    this.#timers.delete(timer as Timer);
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  /** Runs what is due now until nothing is left. */
  settle(): void {
    this.advance(0);
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      this.#runDeferred();
      const next = this.#next(endMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = endMs;
  }

  #runDeferred(): void {
    while (this.#deferred.length > 0) {
      const deferred = this.#deferred;
      this.#deferred = [];
      for (const run of deferred) run();
    }
  }

  #next(endMs: number): Timer | undefined {
    let best: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      const isEarlier =
        best === undefined ||
        timer.dueMs < best.dueMs ||
        (timer.dueMs === best.dueMs && timer.order < best.order);
      if (isEarlier) best = timer;
    }
    return best;
  }
}

/** mulberry32. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(max: number): number {
    return Math.floor(this.fraction() * max);
  }

  bytes8(): Uint8Array {
    return Uint8Array.from({ length: 8 }, () => this.below(256));
  }
}
