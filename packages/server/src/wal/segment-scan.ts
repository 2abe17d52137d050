/**
 * Reads a segment from its start at boot: hands every valid block on, then looks at what follows.
 * After the first bad block every later 4-KiB boundary is tried: a valid block there means that
 * something durable was damaged (R37). Memory: one slice, or the largest block.
 */
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  blockBytes,
  checkBlock,
  PAGE_BYTES,
  peekBlock,
} from './block.js';
import { type DiskFile, result } from './disk.js';
import { corrupt } from './errors.js';
import type { SegmentName } from './segment.js';

const SLICE_BYTES = 1 << 20;

export interface ScannedBlock {
  readonly header: BlockHeader;
  readonly offset: number;
  /** The whole block; valid only until the callback returns. */
  readonly bytes: Uint8Array;
}

export interface SegmentScan {
  /** Where the next block belongs. */
  readonly endOffset: number;
  /** Number of the last valid block; `previousNumber` when there is none. */
  readonly lastNumber: number;
  /** Behind the last byte that is not zero at or after `endOffset`; 0: all zero. */
  readonly dirtyEnd: number;
}

/**
 * `previousNumber` is the last block's before this segment; undefined in the oldest segment, whose
 * first number is unknown. Throws `corrupt` when a later block proves that one is damaged.
 */
export async function scanSegment(
  file: DiskFile,
  name: SegmentName,
  previousNumber: number | undefined,
  onBlock: (block: ScannedBlock) => void,
): Promise<SegmentScan> {
  const window = new Window(file, name.bytes);
  let offset = 0;
  let last = previousNumber;
  while (offset < name.bytes) {
    const block = await blockAt(window, name, offset);
    if (block === undefined) break;
    const expected = last === undefined ? block.header.number : last + 1;
    // Salt and CRC hold, so it is no torn write: blocks in between are lost.
    if (block.header.number !== expected) {
      throw corrupt(
        file.path,
        offset,
        `block ${block.header.number} follows block ${expected - 1}`,
      );
    }
    if (block.header.checkpoint !== (offset === 0)) {
      throw corrupt(file.path, offset, 'a checkpoint is the first block of a segment, and only it');
    }
    onBlock(block);
    last = block.header.number;
    offset += blockBytes(block.header.payloadBytes);
  }
  const lastNumber = last ?? 0;
  const dirtyEnd = await followUp(window, name, offset, lastNumber);
  return { endOffset: offset, lastNumber, dirtyEnd };
}

/** The last dirty byte after `from`, unless a valid block is found there: then throws. */
async function followUp(
  window: Window,
  name: SegmentName,
  from: number,
  lastNumber: number,
): Promise<number> {
  let dirtyEnd = 0;
  for (let offset = from; offset < name.bytes; offset += PAGE_BYTES) {
    const page = await window.view(offset, Math.min(PAGE_BYTES, name.bytes - offset));
    if (isZero(page)) continue;
    dirtyEnd = offset + page.length;
    if (peekBlock(page, name.salt, name.bytes - offset) === undefined) continue;
    const block = await blockAt(window, name, offset);
    if (block === undefined || block.header.number <= lastNumber) continue;
    throw corrupt(
      window.file.path,
      from,
      `no valid block here, but block ${block.header.number} is intact at byte ${offset}`,
    );
  }
  return dirtyEnd;
}

async function blockAt(
  window: Window,
  name: SegmentName,
  offset: number,
): Promise<ScannedBlock | undefined> {
  const left = name.bytes - offset;
  const head = await window.view(offset, Math.min(BLOCK_HEADER_BYTES, left));
  const header = peekBlock(head, name.salt, left);
  if (header === undefined) return undefined;
  const bytes = await window.view(offset, blockBytes(header.payloadBytes));
  return checkBlock(bytes, header) ? { header, offset, bytes } : undefined;
}

const ZERO_PAGE = new Uint8Array(PAGE_BYTES);

/** Compared natively: a boot looks at every page of a mostly empty segment. */
function isZero(page: Uint8Array): boolean {
  return Buffer.compare(page, ZERO_PAGE.subarray(0, page.length)) === 0;
}

/** A sliding view of the file; holds one slice, or one block when that is larger. */
class Window {
  readonly file: DiskFile;
  readonly #bytes: number;
  #buffer = new Uint8Array(0);
  #from = 0;
  #length = 0;

  constructor(file: DiskFile, bytes: number) {
    this.file = file;
    this.#bytes = bytes;
  }

  /** Valid until the next call. The range is within the file. */
  async view(offset: number, length: number): Promise<Uint8Array> {
    if (offset < this.#from || offset + length > this.#from + this.#length) {
      await this.#load(offset, length);
    }
    const at = offset - this.#from;
    return this.#buffer.subarray(at, at + length);
  }

  async #load(offset: number, length: number): Promise<void> {
    const wanted = Math.min(Math.max(length, SLICE_BYTES), this.#bytes - offset);
    if (wanted > this.#buffer.length) this.#buffer = new Uint8Array(wanted);
    const into = this.#buffer.subarray(0, wanted);
    const read = await result<number>((done) => this.file.read(into, offset, done));
    if (read < wanted) throw corrupt(this.file.path, offset + read, 'the file ends here');
    this.#from = offset;
    this.#length = wanted;
  }
}
