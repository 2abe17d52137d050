import { randomFillSync } from 'node:crypto';
import type { Clock, Random, Scheduler } from './core/ports.js';

export const nodeClock: Clock = { nowMs: () => performance.now() };

/**
 * The end of a turn is setImmediate: everything that the sockets had ready, and every continuation
 * that follows from it, has then submitted its ops.
 */
export const nodeScheduler: Scheduler = {
  defer: (run) => {
    setImmediate(run);
  },
  schedule: (delayMs, run) => setTimeout(run, delayMs),
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

const poolBytes = 4096;

/** Asks the system for randomness in portions: one call per batch would cost a microsecond. */
export class NodeRandom implements Random {
  #pool = new Uint8Array(0);
  #used = 0;

  bytes8(): Uint8Array {
    if (this.#used + 8 > this.#pool.length) {
      this.#pool = randomFillSync(new Uint8Array(poolBytes));
      this.#used = 0;
    }
    const bytes = this.#pool.subarray(this.#used, this.#used + 8);
    this.#used += 8;
    return bytes;
  }

  fraction(): number {
    return Math.random();
  }
}
