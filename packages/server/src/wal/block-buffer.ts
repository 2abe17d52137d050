/**
 * The one buffer blocks are encoded into. It grows with the blocks up to the largest one and
 * shrinks again when they have been small for a while.
 */
import type { Directory } from './disk.js';

const BUFFER_BYTES_MIN = 64 * 1024;
/** Blocks that would have fit a quarter of the buffer, in a row, before it shrinks. */
const SMALL_BLOCKS_MAX = 256;

export class BlockBuffer {
  readonly #directory: Directory;
  #bytes: Uint8Array;
  #smallBlocks = 0;

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#bytes = directory.allocate(BUFFER_BYTES_MIN);
  }

  /** At least `bytes` long; what was in it is gone. */
  take(bytes: number): Uint8Array {
    const size = sizeFor(bytes);
    this.#smallBlocks = size * 4 <= this.#bytes.length ? this.#smallBlocks + 1 : 0;
    if (size > this.#bytes.length || this.#smallBlocks > SMALL_BLOCKS_MAX) {
      this.#bytes = this.#directory.allocate(size);
      this.#smallBlocks = 0;
    }
    return this.#bytes;
  }
}

function sizeFor(bytes: number): number {
  let size = BUFFER_BYTES_MIN;
  while (size < bytes) size *= 2;
  return size;
}
