/** A running 64-bit sum of hashes (R12): order does not matter and a term can be taken out. */
export interface Hashed {
  readonly high: number;
  readonly low: number;
}

export class DigestSum implements Hashed {
  high = 0;
  low = 0;

  add(term: Hashed): void {
    const low = (this.low + term.low) | 0;
    const carry = low >>> 0 < this.low >>> 0 ? 1 : 0;
    this.low = low;
    this.high = (this.high + term.high + carry) | 0;
  }

  subtract(term: Hashed): void {
    const borrow = this.low >>> 0 < term.low >>> 0 ? 1 : 0;
    this.low = (this.low - term.low) | 0;
    this.high = (this.high - term.high - borrow) | 0;
  }

  equals(other: Hashed): boolean {
    return this.high === other.high && this.low === other.low;
  }
}
