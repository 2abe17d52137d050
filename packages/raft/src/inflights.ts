/**
 * The AppendEntries on their way to one follower, oldest first, bounded in number and bytes (R5).
 * A ring of preallocated slots: nothing is allocated per message.
 */
export class Inflights {
  readonly #countMax: number;
  readonly #bytesMax: number;
  /** Slot i: the last index of a message, and the bytes of its entries. */
  readonly #lastIndexes: number[];
  readonly #sizes: number[];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
    this.#lastIndexes = new Array<number>(countMax).fill(0);
    this.#sizes = new Array<number>(countMax).fill(0);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** No further message may leave. One message always fits, however large. */
  get full(): boolean {
    return this.#count === this.#countMax || (this.#count > 0 && this.#bytes >= this.#bytesMax);
  }

  /** Records a message that ends at `lastIndex`; the caller has checked `full`. */
  add(lastIndex: number, bytes: number): void {
    const slot = (this.#start + this.#count) % this.#countMax;
    this.#lastIndexes[slot] = lastIndex;
    this.#sizes[slot] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Forgets every message that ends at or below `index`: the follower has it. */
  freeTo(index: number): void {
    while (this.#count > 0 && (this.#lastIndexes[this.#start] ?? 0) <= index) {
      this.#bytes -= this.#sizes[this.#start] ?? 0;
      this.#start = (this.#start + 1) % this.#countMax;
      this.#count -= 1;
    }
  }

  clear(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }
}
