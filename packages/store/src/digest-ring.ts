import type { StateDigest } from '@cashe/codec';
import type { Hashed } from './digest-sum.js';
import { DIGESTS_KEPT_MAX } from './limits.js';

/** The digests right after the `DIGESTS_KEPT_MAX` latest indices (R12). */
export class DigestRing {
  private readonly indices = new Float64Array(DIGESTS_KEPT_MAX);
  private readonly highs = new Int32Array(DIGESTS_KEPT_MAX);
  private readonly lows = new Int32Array(DIGESTS_KEPT_MAX);

  put(index: number, digest: Hashed): void {
    const slot = index % DIGESTS_KEPT_MAX;
    this.indices[slot] = index;
    this.highs[slot] = digest.high;
    this.lows[slot] = digest.low;
  }

  /** Index 0 is the state before the first entry and never asked for. */
  at(index: number): StateDigest | undefined {
    const slot = index % DIGESTS_KEPT_MAX;
    if (index < 1 || this.indices[slot] !== index) return undefined;
    return { index, high: this.highs[slot]! >>> 0, low: this.lows[slot]! >>> 0 };
  }
}
