/**
 * A 64-bit hash in two independently mixed 32-bit lanes, kept as signed integers so that V8 stores
 * them unboxed. It guards against divergence between replicas (R12), not against forgery.
 * One object per owner is reused: nothing is allocated per record.
 */
export class Hash64 {
  high = 0;
  low = 0;

  start(seed: number): void {
    this.high = seed ^ 0x3c6ef372;
    this.low = seed ^ 0x510e527f;
  }

  /** Goes on from a hash that was kept. */
  startFrom(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  text(text: string): void {
    let { high, low } = this;
    const { length } = text;
    for (let at = 0; at < length; at++) {
      const unit = text.charCodeAt(at);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(((high << 5) | (high >>> 27)) ^ unit, 0x9e3779b1);
    }
    this.high = high;
    this.low = low;
    this.word(length);
  }

  bytes(bytes: Uint8Array): void {
    let { high, low } = this;
    const { length } = bytes;
    const wordsEnd = length & ~3;
    for (let at = 0; at < wordsEnd; at += 4) {
      const lower = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
      const word = lower | (bytes[at + 3]! << 24);
      low = mixLow(low, word);
      high = mixHigh(high, word);
    }
    let tail = 0;
    for (let at = length - 1; at >= wordsEnd; at--) tail = (tail << 8) | bytes[at]!;
    this.high = mixHigh(high, tail);
    this.low = mixLow(low, tail);
    this.word(length);
  }

  /** An integer from 0 to 2^53 - 1. */
  integer(value: number): void {
    this.word(value | 0);
    // Nearly always 0, and this is the hottest loop of apply.
    const upper = (value / 0x100000000) | 0;
    if (upper !== 0) this.word(upper);
  }

  word(word: number): void {
    this.high = mixHigh(this.high, word);
    this.low = mixLow(this.low, word);
  }

  finish(): void {
    const { high, low } = this;
    this.high = avalanche(high ^ (low >>> 3));
    this.low = avalanche(low ^ (high << 7));
  }
}

function mixLow(lane: number, word: number): number {
  const mixed = lane ^ Math.imul(word, 0xcc9e2d51);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 0x1b873593) + 0x6546b64) | 0;
}

function mixHigh(lane: number, word: number): number {
  const mixed = lane ^ Math.imul(word, 0x239b961b);
  return (Math.imul((mixed << 17) | (mixed >>> 15), 0x38b34ae5) + 0x561ccd1b) | 0;
}

function avalanche(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
