/** What a node's disk does wrong next: armed by the nemesis, asked by the disk at every call. */
import type { SeededRandom } from './random.js';

/** `extend`: a write or a new name that needs space. */
export type DiskOperation = 'read' | 'write' | 'sync' | 'extend';

interface DiskReport {
  readonly operation: DiskOperation;
  readonly path: string;
}

export class DiskFaults {
  readonly random: SeededRandom;
  /** No space for anything that grows. */
  isFull = false;
  /** Told of every injected input or output error. */
  onReport: ((report: DiskReport) => void) | undefined;
  #armed: DiskOperation | undefined;
  #skips = 0;
  #reports = 0;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** An error was reported to the process that runs now: it may stop. */
  get hasReported(): boolean {
    return this.#reports > 0;
  }

  /** The first `operation` after `skips` others fails, once. */
  arm(operation: DiskOperation, skips: number): void {
    this.#armed = operation;
    this.#skips = skips;
  }

  processEnded(): void {
    this.#reports = 0;
  }

  heal(): void {
    this.isFull = false;
    this.#armed = undefined;
    this.onReport = undefined;
  }

  /** The error code the call ends with; undefined: it works. */
  check(operation: DiskOperation, path: string): string | undefined {
    if (operation === 'extend') {
      if (!this.isFull) return undefined;
      this.#reports += 1;
      return 'ENOSPC';
    }
    if (this.#armed !== operation) return undefined;
    this.#skips -= 1;
    if (this.#skips >= 0) return undefined;
    this.#armed = undefined;
    this.#reports += 1;
    this.onReport?.({ operation, path });
    return 'EIO';
  }
}
